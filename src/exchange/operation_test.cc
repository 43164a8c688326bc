#include "exchange/operation.h"

#include <gtest/gtest.h>

#include "codec/codec.h"
#include "codec/testing.h"

namespace amic::exchange {
namespace {

MemberId member(std::string const& id) {
  return *MemberId::parse(id);
}

Operation some_operation() {
  Operation out;
  out.kind = OperationKind::kRetract;
  for (std::size_t i = 0; i < out.item.data.size(); ++i)
    out.item.data[i] = static_cast<std::uint8_t>(0xa1 + i);
  out.target.data.fill(0xd4);
  out.counter = 1;
  out.at_ms = 1'790'000'000'000;
  out.standing = Standing::kRetracted;
  out.marking.rel_to = {member("MY"), member("SG")};
  out.reason = "wrong port";
  return out;
}
Reply some_reply() {
  Reply out;
  out.item = some_operation().item;
  out.target = some_operation().target;
  out.operation.data.fill(0xe5);
  out.counter = 2;
  out.at_ms = 1'790'000'000'123;
  out.outcome = Outcome::kComplied;
  out.hidden = out.destroyed = true;
  return out;
}

Bytes golden(std::string const& name) {
  return codec::testing::golden_bytes("operation/" + name + ".hex");
}

TEST(OperationFormat, GoldenBytesNeverChange) {
  EXPECT_EQ(codec::to_hex(encode(some_operation())), codec::to_hex(golden("v1_retract")));
  EXPECT_EQ(*decode_operation(golden("v1_retract")), some_operation());
  EXPECT_EQ(codec::to_hex(encode(some_reply())), codec::to_hex(golden("v1_reply")));
  EXPECT_EQ(*decode_reply(golden("v1_reply")), some_reply());
}

TEST(OperationFormat, EveryKindRoundTripsWithEveryStandingThatItMayLeave) {
  int fitting = 0;
  for (std::uint8_t kind = 1; kind <= 5; ++kind)
    for (std::uint8_t standing = 0; standing <= 2; ++standing) {
      Operation out = some_operation();
      out.kind = static_cast<OperationKind>(kind);
      out.standing = static_cast<Standing>(standing);
      auto const back = decode_operation(encode(out));
      if (back) {
        EXPECT_EQ(*back, out);
        ++fitting;
      } else {
        EXPECT_EQ(back.error().where, "operation.standing");
      }
      EXPECT_EQ(*parse_operation_kind(operation_name(out.kind)), out.kind);
    }
  EXPECT_EQ(fitting, 7);
  EXPECT_FALSE(parse_operation_kind("delete"));
}

TEST(OperationFormat, NothingElseIsTaken) {
  Bytes const operation = encode(some_operation()), reply = encode(some_reply());
  for (std::size_t size = 0; size < operation.size(); ++size)
    EXPECT_FALSE(decode_operation(BytesView(operation).first(size))) << size;
  for (std::size_t size = 0; size < reply.size(); ++size)
    EXPECT_FALSE(decode_reply(BytesView(reply).first(size))) << size;
  Bytes longer = operation;
  longer.push_back(0);
  EXPECT_FALSE(decode_operation(longer));
  auto const changed = [&](Bytes bytes, std::size_t at, std::uint8_t to) {
    bytes[at] = to;
    return bytes;
  };
  EXPECT_EQ(decode_operation(changed(operation, 1, 2)).error().code, Code::kUnsupported);
  EXPECT_EQ(decode_operation(changed(operation, 2, 6)).error().code, Code::kOutOfRange);
  EXPECT_EQ(decode_operation(changed(operation, 58, 0)).error().code, Code::kOutOfRange);
  EXPECT_EQ(decode_reply(changed(reply, 1, 9)).error().code, Code::kUnsupported);
  Operation loud = some_operation();
  loud.reason = "a\nb";
  EXPECT_EQ(decode_operation(encode(loud)).error().code, Code::kMalformed);
  loud.reason = std::string(kReasonBytesMax + 1, 'x');
  EXPECT_FALSE(decode_operation(encode(loud)));
  loud.reason = std::string(kReasonBytesMax, 'x');
  EXPECT_TRUE(decode_operation(encode(loud)));
  Reply false_word = some_reply();
  false_word.destroyed = false;
  EXPECT_FALSE(decode_reply(encode(false_word)));
}

TEST(OperationFormat, AnEnvelopeMustBeWhatItsStatementSays) {
  CommunityId community;
  community.data.fill(7);
  SeededRandom random(1);
  envelope::Contents contents;
  contents.community = community;
  contents.kind = envelope::Kind::kOperation;
  contents.originator = member("BN");
  contents.recipients = {member("MY"), member("SG")};
  contents.media_type = std::string(kOperationMediaType);
  Operation operation = some_operation();
  operation.item = envelope::make_id(community, member("BN"), random);
  contents.lineage = {operation.target};
  auto const code = [&] {
    contents.body = encode(operation);
    auto const read = read_operation(contents);
    return read ? Code::kInternal : read.error().code;
  };
  EXPECT_EQ(code(), Code::kInternal);  // that is: none
  contents.originator = member("MY");
  EXPECT_EQ(code(), Code::kForbidden);
  contents.originator = member("BN");
  contents.recipients = {member("MY")};
  EXPECT_EQ(code(), Code::kRejected);
  contents.recipients = {member("MY"), member("SG")};
  contents.lineage.clear();
  EXPECT_EQ(code(), Code::kRejected);
  contents.lineage = {operation.target};
  operation.marking.realm = *Realm::parse("EXERCISE:ONE");
  EXPECT_EQ(code(), Code::kRejected);

  Reply reply = some_reply();
  reply.item = operation.item;
  contents.kind = envelope::Kind::kReply;
  contents.originator = member("MY");
  contents.recipients = {member("BN")};
  contents.media_type = std::string(kReplyMediaType);
  contents.lineage = {reply.operation};
  contents.body = encode(reply);
  EXPECT_TRUE(read_reply(contents));
  contents.recipients = {member("SG")};
  EXPECT_EQ(read_reply(contents).error().code, Code::kForbidden);
}

}  // namespace
}  // namespace amic::exchange
