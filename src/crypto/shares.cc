#include "crypto/shares.h"

#include <sodium.h>

#include <algorithm>
#include <memory>
#include <new>
#include <set>

#include "base/check.h"
#include "crypto/internal.h"

extern "C" {  // the header does not say so itself
#include <libgfshare.h>
}

namespace amic::crypto {

namespace {

constexpr std::size_t kSecretBytesMax = 1024;

// The library knows one function for the whole process and no context. Ours gives what the Random
// of the call in this thread gives; outside of one, as when a context is freed, zeros: the library
// calls it then to overwrite its buffers.
thread_local Random* current_random = nullptr;

void fill_for_library(unsigned char* out, unsigned int size) {
  if (current_random != nullptr)
    current_random->fill({out, size});
  else
    sodium_memzero(out, size);
}

void init_library() {
  internal::init_sodium();
  static bool const ready = [] {
    gfshare_fill_rand = fill_for_library;
    return true;
  }();
  CHECK(ready);
}

class Drawing {
 public:
  explicit Drawing(Random& random) { current_random = &random; }
  ~Drawing() { current_random = nullptr; }
  Drawing(Drawing const&) = delete;
  Drawing& operator=(Drawing const&) = delete;
};

struct FreeContext {
  void operator()(gfshare_ctx* context) const { gfshare_ctx_free(context); }
};
using ContextOwner = std::unique_ptr<gfshare_ctx, FreeContext>;

ContextOwner owned(gfshare_ctx* context) {
  if (context == nullptr) throw std::bad_alloc();  // what it was given has been checked
  return ContextOwner(context);
}

}  // namespace

Result<std::vector<SecretShare>> split_secret(Secret const& secret, unsigned threshold,
                                              unsigned count, Random& random) {
  if (threshold < kShareThresholdMin || threshold > count || count > kSharesMax)
    return fail(Code::kOutOfRange, "shares",
                "2 to 16 shares, and a threshold of 2 to as many as there are shares");
  if (secret.empty() || secret.size() > kSecretBytesMax)
    return fail(Code::kOutOfRange, "shares.secret", "1 to 1024 bytes");
  init_library();
  Bytes indices(count);
  for (unsigned i = 0; i < count; ++i) indices[i] = static_cast<std::uint8_t>(i + 1);
  auto const context =
      owned(gfshare_ctx_init_enc(indices.data(), count, static_cast<unsigned char>(threshold),
                                 static_cast<unsigned>(secret.size())));
  Secret input = secret;  // the library takes no pointer to const
  {
    Drawing const drawing(random);
    gfshare_ctx_enc_setsecret(context.get(), input.mutable_view().data());
  }
  std::vector<SecretShare> out(count);
  for (unsigned i = 0; i < count; ++i) {
    out[i].index = indices[i];
    out[i].bytes = Secret(secret.size());
    gfshare_ctx_enc_getshare(context.get(), static_cast<unsigned char>(i),
                             out[i].bytes.mutable_view().data());
  }
  return out;
}

Result<Secret> join_secret(std::vector<SecretShare> const& shares) {
  if (shares.empty() || shares.size() > kSharesMax)
    return fail(Code::kMalformed, "shares", "1 to 16 shares");
  std::size_t const size = shares.front().bytes.size();
  Bytes indices;
  for (auto const& share : shares) {
    if (share.index == 0 || share.index > kSharesMax)
      return fail(Code::kMalformed, "shares.index", "1 to 16");
    if (std::find(indices.begin(), indices.end(), share.index) != indices.end())
      return fail(Code::kMalformed, "shares.index", "a share is there twice");
    if (share.bytes.size() != size || size == 0 || size > kSecretBytesMax)
      return fail(Code::kMalformed, "shares.bytes", "not of one size");
    indices.push_back(share.index);
  }
  init_library();
  auto const context = owned(gfshare_ctx_init_dec(
      indices.data(), static_cast<unsigned>(indices.size()), static_cast<unsigned>(size)));
  for (std::size_t i = 0; i < shares.size(); ++i) {
    Secret input = shares[i].bytes;
    gfshare_ctx_dec_giveshare(context.get(), static_cast<unsigned char>(i),
                              input.mutable_view().data());
  }
  Secret out(size);
  gfshare_ctx_dec_extract(context.get(), out.mutable_view().data());
  return out;
}

}  // namespace amic::crypto
