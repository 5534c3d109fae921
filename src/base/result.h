// Result<T>: a value, or an error that cannot be dropped and carries the protocol's own answer from where the fault was found.
// TRY(expression) unwraps a Result or returns its error from the calling function.
#pragma once

#include <cstdint>
#include <expected>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

namespace airtight {

// What kind of fault this is, for those who have no protocol to answer in (the command line, logs).
enum class Fault : std::uint8_t {
  kRefused,      // a rule says no
  kBadInput,     // what was given cannot be read or is out of range
  kNotFound,     // what was named is not there
  kUnavailable,  // a peer or a resource cannot be had now; trying again may help
  kStorage,      // no space, or the medium failed
  kInternal,     // a bug or a broken invariant
};

// The protocols that have answers of their own. `code` in Answer is that protocol's number.
enum class Protocol : std::uint8_t { kSks, kKeyGen2, kHttp, kCmc };

struct Answer {
  Protocol protocol;
  int code;
  friend bool operator==(const Answer&, const Answer&) = default;
};

// An error. `message` says what is wrong in one sentence without a final stop and never holds a secret; `hint` says what to do next.
struct [[nodiscard]] Error {
  Fault fault = Fault::kInternal;
  std::string message;
  std::string hint = {};
  std::optional<Answer> answer = std::nullopt;

  // The same error, said to have happened while doing `context`: "reading profile.toml: no such file".
  [[nodiscard]] Error in(std::string_view context) && {
    message = std::string(context) + ": " + message;
    return std::move(*this);
  }
  [[nodiscard]] Error with_hint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
  }
  // The code of `protocol` if this error carries an answer in it.
  [[nodiscard]] std::optional<int> code_in(Protocol protocol) const {
    if (answer && answer->protocol == protocol) return answer->code;
    return std::nullopt;
  }
};

template <typename T = void>
using Result = std::expected<T, Error>;

using Failure = std::unexpected<Error>;

// Shorthand to return an error: `return fail(Fault::kNotFound, "no such key");`
[[nodiscard]] inline Failure fail(Fault fault, std::string message, std::string hint = {}) {
  return Failure(Error{fault, std::move(message), std::move(hint), std::nullopt});
}

// What `result` holds. Not [[nodiscard]], as operator* is: a TRY may be there for the error alone.
template <typename R>
constexpr decltype(auto) value_in(R&& result) {
  return *std::forward<R>(result);
}

}  // namespace airtight

#define TRY(...)                                                                                  \
  __extension__({                                                                                 \
    auto&& airtight_result_ = (__VA_ARGS__);                                                      \
    if (!airtight_result_) [[unlikely]]                                                           \
      return std::unexpected(std::forward<decltype(airtight_result_)>(airtight_result_).error()); \
    ::airtight::value_in(std::forward<decltype(airtight_result_)>(airtight_result_));             \
  })
