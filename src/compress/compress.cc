#include "compress/compress.h"

#include <zdict.h>
#include <zstd.h>
#include <zstd_errors.h>

#include <memory>
#include <string>

#include "base/check.h"

namespace amic::compress {

namespace {

constexpr int kLevel = 3;
constexpr std::size_t kBlockBytesMax = 128 << 10;  // RFC 8878 section 3.1.1.2
constexpr std::size_t kBlockHeaderBytes = 3;
constexpr std::size_t kFirstGuessBytes = 64 << 10;
constexpr std::size_t kSamplesMin = 100;
constexpr std::size_t kSampleBytesMin = 64 << 10;
constexpr std::size_t kSampleBytesMax = 256 << 20;
constexpr std::size_t kDictionaryBytesMin = 256;  // libzstd refuses less
constexpr std::uint8_t kMagic[] = {0x28, 0xB5, 0x2F, 0xFD};

template <auto Free>
struct Freer {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
using CompressContext = std::unique_ptr<ZSTD_CCtx, Freer<ZSTD_freeCCtx>>;
using DecompressContext = std::unique_ptr<ZSTD_DCtx, Freer<ZSTD_freeDCtx>>;
using CompressDictionary = std::unique_ptr<ZSTD_CDict, Freer<ZSTD_freeCDict>>;
using DecompressDictionary = std::unique_ptr<ZSTD_DDict, Freer<ZSTD_freeDDict>>;

// A context is some hundred KiB of tables: one per thread, kept.
ZSTD_CCtx* compress_context() {
  static thread_local CompressContext const context(ZSTD_createCCtx());
  CHECK(context);
  return context.get();
}

ZSTD_DCtx* decompress_context() {
  static thread_local DecompressContext const context(ZSTD_createDCtx());
  CHECK(context);
  return context.get();
}

Bytes compress_with(ZSTD_CDict const* dictionary, BytesView plain) {
  Bytes out(ZSTD_compressBound(plain.size()));
  ZSTD_CCtx* const context = compress_context();
  std::size_t const size =
      dictionary != nullptr
          ? ZSTD_compress_usingCDict(context, out.data(), out.size(), plain.data(), plain.size(),
                                     dictionary)
          : ZSTD_compressCCtx(context, out.data(), out.size(), plain.data(), plain.size(), kLevel);
  CHECK(ZSTD_isError(size) == 0);  // the room is enough: only memory can be missing
  out.resize(size);
  out.shrink_to_fit();
  return out;
}

tl::unexpected<Error> malformed(std::string detail) {
  return fail(Code::kMalformed, "compress.frame", std::move(detail));
}

tl::unexpected<Error> too_large(std::size_t plain_bytes_max) {
  return fail(Code::kTooLarge, "compress.frame",
              "more than " + std::to_string(plain_bytes_max) + " bytes when decompressed");
}

// How much room the frame asks for: its stated size, or nullopt if it states none.
Result<std::optional<std::size_t>> room_for(BytesView frame, std::size_t plain_bytes_max) {
  // Skippable and legacy frames are not ours; libzstd would take them.
  if (frame.size() < sizeof kMagic || !equal(frame.first(sizeof kMagic), kMagic))
    return malformed("not a zstd frame");
  std::size_t const whole = ZSTD_findFrameCompressedSize(frame.data(), frame.size());
  if (ZSTD_isError(whole) != 0) return malformed(ZSTD_getErrorName(whole));
  if (whole != frame.size()) return malformed("bytes after the frame");
  unsigned long long const stated = ZSTD_getFrameContentSize(frame.data(), frame.size());
  if (stated == ZSTD_CONTENTSIZE_ERROR) return malformed("bad frame header");
  if (stated == ZSTD_CONTENTSIZE_UNKNOWN) return std::optional<std::size_t>{};
  if (stated > plain_bytes_max) return too_large(plain_bytes_max);
  // Don't take memory on a claim that so few blocks can't make true.
  if (stated > (frame.size() / kBlockHeaderBytes + 1) * kBlockBytesMax)
    return malformed("the stated size is impossible");
  return std::optional<std::size_t>(static_cast<std::size_t>(stated));
}

// Buffer is Bytes or std::string; appends. Single pass, so that the frame's window costs no memory.
template <class Buffer>
Result<void> decompress_with(ZSTD_DDict const* dictionary, BytesView frame,
                             std::size_t plain_bytes_max, Buffer& out) {
  AMIC_TRY(auto const stated, room_for(frame, plain_bytes_max));
  std::size_t const before = out.size();
  std::size_t room = stated ? *stated : std::min(kFirstGuessBytes, plain_bytes_max);
  for (;;) {  // a frame without a stated size: room times four until plain_bytes_max
    out.resize(before + room);
    std::size_t const size =
        dictionary != nullptr
            ? ZSTD_decompress_usingDDict(decompress_context(), out.data() + before, room,
                                         frame.data(), frame.size(), dictionary)
            : ZSTD_decompressDCtx(decompress_context(), out.data() + before, room, frame.data(),
                                  frame.size());
    if (ZSTD_isError(size) == 0) {
      out.resize(before + size);
      return {};
    }
    out.resize(before);
    if (ZSTD_getErrorCode(size) != ZSTD_error_dstSize_tooSmall)
      return malformed(ZSTD_getErrorName(size));
    if (stated && room < plain_bytes_max) return malformed("more than the stated size");
    if (room >= plain_bytes_max) return too_large(plain_bytes_max);
    room = std::min(room * 4, plain_bytes_max);
  }
}

}  // namespace

Bytes compress(BytesView plain) {
  return compress_with(nullptr, plain);
}

Result<Bytes> decompress(BytesView frame, std::size_t plain_bytes_max) {
  Bytes out;
  AMIC_TRY_VOID(decompress_with(nullptr, frame, plain_bytes_max, out));
  return out;
}

struct Dictionary::Impl {
  explicit Impl(Bytes dictionary)
      : raw(std::move(dictionary)),
        to(ZSTD_createCDict(raw.data(), raw.size(), kLevel)),
        from(ZSTD_createDDict(raw.data(), raw.size())) {}

  Bytes raw;
  // Both are null if `raw` starts like a trained dictionary and is damaged.
  CompressDictionary to;
  DecompressDictionary from;
};

Dictionary::Dictionary(Bytes raw) : impl_(std::make_unique<Impl>(std::move(raw))) {}

Dictionary::~Dictionary() = default;

BytesView Dictionary::raw() const {
  return impl_->raw;
}

bool Dictionary::is_usable() const {
  return impl_->to && impl_->from;
}

Bytes Dictionary::compress(BytesView plain) const {
  return compress_with(is_usable() ? impl_->to.get() : nullptr, plain);
}

Result<Bytes> Dictionary::decompress(BytesView frame, std::size_t plain_bytes_max) const {
  Bytes out;
  AMIC_TRY_VOID(
      decompress_with(is_usable() ? impl_->from.get() : nullptr, frame, plain_bytes_max, out));
  return out;
}

Result<void> Dictionary::decompress_into(BytesView frame, std::size_t plain_bytes_max,
                                         std::string& out) const {
  return decompress_with(is_usable() ? impl_->from.get() : nullptr, frame, plain_bytes_max, out);
}

Result<Bytes> train_dictionary(std::vector<BytesView> const& samples, std::size_t size_max) {
  constexpr auto kWhere = "compress.train";
  std::vector<std::size_t> sizes;
  Bytes all;
  for (BytesView const sample : samples) {
    if (all.size() + sample.size() > kSampleBytesMax)
      return fail(Code::kTooLarge, kWhere, "more than 256 MiB of samples");
    sizes.push_back(sample.size());
    append(all, sample);
  }
  if (samples.size() < kSamplesMin || all.size() < kSampleBytesMin)
    return fail(Code::kOutOfRange, kWhere, "needs 100 samples and 64 KiB in all");
  if (size_max < kDictionaryBytesMin)
    return fail(Code::kOutOfRange, kWhere, "a dictionary has at least 256 bytes");
  Bytes out(size_max);
  std::size_t const size = ZDICT_trainFromBuffer(out.data(), out.size(), all.data(), sizes.data(),
                                                 static_cast<unsigned>(sizes.size()));
  // Random or constant samples have nothing in common that pays.
  if (ZDICT_isError(size) != 0) return fail(Code::kOutOfRange, kWhere, ZDICT_getErrorName(size));
  out.resize(size);
  return out;
}

}  // namespace amic::compress
