// The other side of an approval (approval.h): a small process of its own that runs a program for each question and passes on its verdict.
#pragma once

#include <chrono>
#include <string>

namespace airtight::device::internal {

// The program's environment.
struct Question {
  std::string method;
  std::string key;
  std::string key_id;
  std::string friendly_name;
  std::string issuer;
};

// As one datagram.
[[nodiscard]] std::string encode_question(const Question& question);

// Answers questions that come on `socket`, each with the pipe that wants '1' or '0', until the other side closes it. Ends the process.
[[noreturn]] void run_programs(int socket, const std::string& command, std::chrono::milliseconds patience);

}  // namespace airtight::device::internal
