// Devices that were registered before they enrol (provenance.md section 5): each with the profile that it may use and whom its certificates
// name. Functions on the database are one statement within the caller's transaction.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "base/result.h"
#include "base/time.h"
#include "crypto/certificate.h"
#include "storage/database.h"

namespace airtight::issuer {

struct ListedDevice {
  std::string profile = {};
  std::string device_id = {};  // in groups
  Bytes fingerprint = {};      // SHA-256 of the device certificate; empty where only the device ID was given
  std::string subject = {};    // empty: the profile's
  Instant added_at = {};
};

// False if the profile has this device already.
[[nodiscard]] Result<bool> insert_device(storage::Database& database, const ListedDevice& device);
// False if it is not there. `device_id` in groups.
[[nodiscard]] Result<bool> remove_device(storage::Database& database, std::string_view profile, std::string_view device_id);
// All, by profile and device ID.
[[nodiscard]] Result<std::vector<ListedDevice>> list_devices(storage::Database& database);
// The entry for a device whose certificate was verified: by its ID, and by the certificate where that was given.
[[nodiscard]] Result<std::optional<ListedDevice>> find_device(storage::Database& database, std::string_view profile,
                                                              std::string_view device_id, const crypto::Sha256Value& fingerprint);

// A device ID as people write it (any case, with or without hyphens and spaces) in groups. Fault::kBadInput for what is none, which its
// check character shows.
[[nodiscard]] Result<std::string> read_device_id(std::string_view text);

// A line of a CSV file (RFC 4180): the device, as a device ID or as the name of a PEM file, and the subject.
struct DeviceLine {
  std::size_t line = 0;  // from 1, where it begins
  std::string device = {};
  std::string subject = {};  // empty where the line has one field
};
// Fields are separated by commas; a field in double quotes may hold commas, line ends and doubled quotes. Empty lines, a first line
// "device,subject" and lines that begin with # are left out. Fault::kBadInput with the number of the line.
[[nodiscard]] Result<std::vector<DeviceLine>> read_device_lines(std::string_view text);

}  // namespace airtight::issuer
