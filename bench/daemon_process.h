// A key store's daemon, made and started as a user would.
#pragma once

#include <memory>

#include "bench/program.h"
#include "device/socket_channel.h"
#include "sks/methods.h"

namespace airtight::bench {

class DaemonProcess {
 public:
  explicit DaemonProcess(const std::filesystem::path& folder) : store_(create(folder)), program_({"device", "serve", "--store", store_}) {
    static_cast<void>(program_.line());  // "listening ..."
  }

  [[nodiscard]] std::unique_ptr<device::SocketChannel> connect() const { return must(device::SocketChannel::connect(store_ / "sks.sock")); }
  [[nodiscard]] pid_t pid() const { return program_.pid(); }
  [[nodiscard]] long resident_kib() const { return program_.resident_kib(); }
  [[nodiscard]] Bytes device_certificate() const {
    const auto channel = connect();
    return must(sks::call(*channel, sks::GetDeviceInfo{})).x509_certificates.front();
  }

 private:
  static std::filesystem::path create(const std::filesystem::path& folder) {
    const std::filesystem::path store = folder / "card";
    Program({"device", "create", "--store", store, "--maker", folder / "maker"}).finish();
    return store;
  }

  std::filesystem::path store_;
  Program program_;
};

}  // namespace airtight::bench
