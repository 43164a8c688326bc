#include "link/frame.h"

#include "codec/codec.h"
#include "crypto/hash.h"

namespace amic::link {

namespace {
constexpr std::uint16_t kVersion = 1;

void read_version(codec::Reader& in) {
  std::uint16_t const version = in.u16();
  if (in.ok() && version != kVersion) in.reject(Code::kUnsupported, "version");
}
}  // namespace

TransferId transfer_id(BytesView batch) {
  Hash const whole = crypto::sha256(batch);
  return *TransferId::from(whole.view().first(TransferId::kSize));
}

Bytes encode(Frame const& frame) {
  codec::Writer out;
  out.u16(kVersion).u8(frame.lane).raw(frame.transfer.view());
  out.u32(frame.total).u32(frame.offset).raw(frame.data);
  return out.take();
}

Result<Frame> decode_frame(BytesView bytes) {
  codec::Reader in(bytes, "frame");
  Frame out;
  read_version(in);
  out.lane = in.u8();
  if (in.ok() && out.lane >= kLaneCount) in.reject(Code::kOutOfRange, "lane is 0 to 3");
  out.transfer = in.fixed<TransferId>();
  out.total = in.u32();
  if (in.ok() && (out.total == 0 || out.total > kTransferBytesMax))
    in.reject(Code::kTooLarge, "total is 1 to 5,242,880");
  out.offset = in.u32();
  out.data = in.rest();
  if (in.ok() && (out.offset > out.total || out.data.size() > out.total - out.offset))
    in.reject(Code::kOutOfRange, "reaches past total");
  AMIC_TRY_VOID(in.finish());
  return out;
}

Bytes encode(Wanted const& wanted) {
  codec::Writer out;
  out.u16(kVersion).raw(wanted.transfer.view()).u32(wanted.offset);
  return out.take();
}

Result<Wanted> decode_wanted(BytesView bytes) {
  codec::Reader in(bytes, "wanted");
  Wanted out;
  read_version(in);
  out.transfer = in.fixed<TransferId>();
  out.offset = in.u32();
  AMIC_TRY_VOID(in.finish());
  return out;
}

}  // namespace amic::link
