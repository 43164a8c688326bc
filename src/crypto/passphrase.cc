// Where passphrases come from. None is ever an argument or in a configuration file.
#include <fcntl.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <cstdlib>

#include "crypto/durable_file.h"
#include "crypto/keyfile.h"
#include "crypto/keyfile_format.h"

namespace amic::crypto {

namespace {

constexpr auto kWhere = "passphrase";
constexpr std::size_t kSizeMax = internal::kPassphraseBytesMax;
// Secrets mounted by service managers are often readable by a group, never by all.
constexpr unsigned kModeRefused = 007;

constexpr std::uint8_t kInterrupt = 0x03;
constexpr std::uint8_t kEndOfFile = 0x04;
constexpr std::uint8_t kBackspace = 0x08;
constexpr std::uint8_t kKillLine = 0x15;
constexpr std::uint8_t kDelete = 0x7F;

Result<Secret> first_line(BytesView bytes) {
  auto const end = std::find(bytes.begin(), bytes.end(), std::uint8_t{'\n'});
  BytesView line(bytes.begin(), end);
  if (!line.empty() && line.back() == '\r') line = line.first(line.size() - 1);
  if (line.empty()) return fail(Code::kUsage, kWhere, "an empty passphrase");
  if (line.size() > kSizeMax) return fail(Code::kTooLarge, kWhere, "more than 1024 bytes");
  return Secret(line);
}

// Echo and line editing off; restored whatever happens. Signals from the keyboard are off too, so
// that ^C can't end the program with the terminal still mute.
class MuteTerminal {
 public:
  explicit MuteTerminal(int descriptor) : descriptor_(descriptor) {
    muted_ = ::tcgetattr(descriptor_, &before_) == 0;
    if (!muted_) return;
    termios mute = before_;
    mute.c_lflag &= ~static_cast<tcflag_t>(ECHO | ECHONL | ICANON | ISIG);
    mute.c_cc[VMIN] = 1;
    mute.c_cc[VTIME] = 0;
    muted_ = ::tcsetattr(descriptor_, TCSAFLUSH, &mute) == 0;
  }
  ~MuteTerminal() {
    if (muted_) ::tcsetattr(descriptor_, TCSAFLUSH, &before_);
  }
  MuteTerminal(MuteTerminal const&) = delete;
  MuteTerminal& operator=(MuteTerminal const&) = delete;
  bool ok() const { return muted_; }

 private:
  int descriptor_;
  termios before_{};
  bool muted_ = false;
};

// One byte, or nothing at the end of the input. By single bytes, so that what follows the first
// line stays for the next reader of the descriptor.
Result<std::optional<std::uint8_t>> read_byte(int descriptor) {
  for (;;) {
    std::uint8_t byte = 0;
    ssize_t const got = ::read(descriptor, &byte, 1);
    if (got == 1) return std::optional<std::uint8_t>(byte);
    if (got == 0) return std::optional<std::uint8_t>{};
    if (errno != EINTR) return fail(Code::kIo, kWhere, "can't read the descriptor");
  }
}

void say(int descriptor, std::string_view text) {
  [[maybe_unused]] ssize_t const done = ::write(descriptor, text.data(), text.size());
}

Result<Secret> from_descriptor(std::string_view number) {
  int descriptor = -1;
  auto const [end, error] =
      std::from_chars(number.data(), number.data() + number.size(), descriptor);
  if (error != std::errc{} || end != number.data() + number.size() || descriptor < 0)
    return fail(Code::kUsage, kWhere, "fd: needs a number");
  Secret line(kSizeMax + 2);  // room to see that it is too long, and for \r
  std::size_t size = 0;
  while (size < line.size()) {
    AMIC_TRY(auto const byte, read_byte(descriptor));
    if (!byte || *byte == '\n') break;
    line.mutable_view()[size++] = *byte;
  }
  return first_line(line.view().first(size));
}

}  // namespace

Result<Secret> internal::read_passphrase_tty(int descriptor, std::string_view prompt_text) {
  MuteTerminal const mute(descriptor);
  if (!mute.ok()) return fail(Code::kUsage, kWhere, "not a terminal");
  say(descriptor, prompt_text);
  Secret line(kSizeMax + 1);
  std::size_t size = 0;
  for (;;) {
    AMIC_TRY(auto const byte, read_byte(descriptor));
    if (!byte || *byte == '\n' || *byte == '\r' || *byte == kEndOfFile) break;
    if (*byte == kInterrupt) {
      say(descriptor, "\n");
      return fail(Code::kUsage, kWhere, "interrupted");
    }
    if (*byte == kKillLine) {
      size = 0;
    } else if (*byte == kBackspace || *byte == kDelete) {
      // A whole character of UTF-8 goes, not its last byte.
      while (size > 0 && (line.view()[--size] & 0xC0U) == 0x80U) continue;
    } else if (size < line.size()) {
      line.mutable_view()[size++] = *byte;
    }
  }
  say(descriptor, "\n");
  return first_line(line.view().first(size));
}

Result<Secret> read_passphrase(std::string const& spec, std::string const& prompt_text) {
  std::string_view const text = spec;
  if (text == "prompt") {
    internal::Descriptor const terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
    if (!terminal.is_open()) return fail(Code::kUsage, kWhere, "prompt: there is no terminal");
    return internal::read_passphrase_tty(terminal.number(), prompt_text);
  }
  if (text.starts_with("file:")) {
    AMIC_TRY(Secret const bytes,
             internal::read_private_file(spec.substr(5), kModeRefused, internal::kFileBytesMax));
    return first_line(bytes.view());
  }
  if (text.starts_with("fd:")) return from_descriptor(text.substr(3));
  if (text.starts_with("env:")) {
    char const* const value = std::getenv(spec.substr(4).c_str());
    if (value == nullptr) return fail(Code::kUsage, kWhere, "env: no such variable");
    return first_line(as_bytes(value));
  }
  return fail(Code::kUsage, kWhere, "one of file:PATH, fd:N, env:NAME, prompt");
}

}  // namespace amic::crypto
