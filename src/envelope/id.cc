#include <algorithm>
#include <array>

#include "crypto/hash.h"
#include "envelope/envelope.h"

namespace amic::envelope {

namespace {
constexpr std::string_view kDomain = "amic/envelope-id/v1";

using Tag = std::array<std::uint8_t, kIdTagBytes>;

Tag tag_of(CommunityId const& community, MemberId const& originator) {
  constexpr std::array<std::uint8_t, 1> kZero{};
  Hash const hash = crypto::sha256(
      {as_bytes(kDomain), BytesView(kZero), community.view(), as_bytes(originator.str())});
  Tag out;
  std::copy_n(hash.data.begin(), out.size(), out.begin());
  return out;
}
}  // namespace

EnvelopeId make_id(CommunityId const& community, MemberId const& originator, Random& random) {
  auto id = random.fixed<EnvelopeId>();
  auto const tag = tag_of(community, originator);
  std::copy(tag.begin(), tag.end(), id.data.begin());
  return id;
}

Result<void> check_id(EnvelopeId const& id, CommunityId const& community,
                      MemberId const& originator) {
  auto const tag = tag_of(community, originator);
  if (std::equal(tag.begin(), tag.end(), id.data.begin())) return {};
  return fail(Code::kWrongIdentity, "envelope.id", "not an id that " + originator.str() + " gives");
}

}  // namespace amic::envelope
