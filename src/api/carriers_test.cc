// Carrier files and evidence over HTTP.
#include <gtest/gtest.h>

#include "api/openapi.h"
#include "api/testing.h"
#include "codec/codec.h"
#include "exchange/bundle_import.h"

namespace amic::api {
namespace {

using namespace testing;

struct CarrierApi : ::testing::Test {
  ServedNode served;
  std::string admin = served.token({Scope::kAdmin}).secret;

  json::object answer(net::Response const& response) {
    auto const value = must(json::parse(response.body));
    EXPECT_TRUE(value.is_object()) << response.body;
    return value.get_object();
  }
  net::Response begin(std::string const& body) {
    return served.call("POST", "/api/v1/carriers/exports", admin, body,
                       {{"content-type", "application/json"}});
  }
  net::Response send(std::string const& target, std::string_view type, BytesView body) {
    return served.call("POST", target, admin, std::string(as_text(body)),
                       {{"content-type", std::string(type)}});
  }
};

TEST_F(CarrierApi, AnExportComesInPiecesAndMakesAWholeFile) {
  served.share(bundle({indicator(1)}), Classification::kRestricted);
  auto const made = begin(R"({"to":"BB"})");
  ASSERT_EQ(made.status, 201) << made.body;
  auto const plan = answer(made);
  EXPECT_EQ(must(json::get_int(plan, "envelopes", "")), 1);
  auto const base = "/api/v1/carriers/exports/" + must(json::get_string(plan, "id", ""));
  Bytes file;
  bool ended = false;
  for (int i = 0;; ++i) {
    auto const piece = served.get(base + "/pieces/" + std::to_string(i), admin);
    if (piece.status == 204) break;
    ASSERT_EQ(piece.status, 200) << piece.body;
    append(file, as_bytes(piece.body));
    ended = piece.header("amic-part-ends") == "true";
  }
  EXPECT_TRUE(ended);
  exchange::MemorySource source(file);
  auto reader = must(exchange::CarrierReader::open(source));
  while (must(reader.next())) {
  }
  EXPECT_EQ(reader.seen().size(), 1u);
  EXPECT_EQ(served.get(base + "/pieces/9", admin).status, 409);
  EXPECT_EQ(served.call("DELETE", base + "?safe=true", admin).status, 204);
  EXPECT_EQ(served.call("DELETE", base, admin).status, 404);
  auto const again = answer(begin(R"({"to":"BB","since_last":true})"));
  EXPECT_EQ(must(json::get_int(again, "envelopes", "")), 0);
}

TEST_F(CarrierApi, BadRequestsAreNamed) {
  auto const where = [&](std::string const& body) {
    auto const response = begin(body);
    EXPECT_EQ(response.status, 400) << response.body;
    return must(json::get_string(answer(response), "where", ""));
  };
  EXPECT_EQ(where(R"({"to":"bb"})"), "/to");
  EXPECT_EQ(where(R"({"to":"BB","max_bytes":-1})"), "/max_bytes");
  EXPECT_EQ(where(R"({"to":"BB","since_last":1})"), "/since_last");
  EXPECT_EQ(where(R"({"to":"BB","colour":1})"), "/colour");
  EXPECT_EQ(begin(R"({"to":"ZZ"})").status, 400);
  EXPECT_EQ(send("/api/v1/carriers/sections?from=BB", "text/plain", {}).status, 415);
  EXPECT_EQ(send("/api/v1/carriers/sections", kBatchType, {}).status, 400);
  EXPECT_EQ(send("/api/v1/carriers/sections?from=BB", kBatchType, Bytes(10)).status, 400);
  EXPECT_EQ(send("/api/v1/carriers/checks", kCarrierCheckType, Bytes(10)).status, 400);
}

TEST_F(CarrierApi, SectionsAreTakenOnceAndAForeignFileIsNot) {
  auto& b = served.community.node("BB");
  auto request = exchange::testing::share_request({"AA"}, bundle({indicator(2)}));
  must(b.share(std::move(request)));
  exchange::NodeKeys const keys{b.id(), b.keys().node, b.keys().sealing};
  Realm const realm;
  exchange::CarrierParts const parts{keys,
                                     realm,
                                     b.store(),
                                     b.exchange(),
                                     b.committer(),
                                     served.community.clock,
                                     served.community.random};
  auto const batch = must(exchange::make_lane_batch(parts, served.node().id(), 3, {}, 1)).bytes;
  auto const target = "/api/v1/carriers/sections?from=BB";
  auto const first = send(target, kBatchType, batch);
  ASSERT_EQ(first.status, 200) << first.body;
  auto const outcome = must(exchange::outcome_from_json(must(json::parse(first.body))));
  EXPECT_EQ(outcome.accepted, 1u);
  EXPECT_EQ(outcome.position, 1u);
  auto const second = send(target, kBatchType, batch);
  EXPECT_EQ(must(exchange::outcome_from_json(must(json::parse(second.body)))).held, 1u);
  auto const as_cc = send("/api/v1/carriers/sections?from=CC", kBatchType, batch);
  auto const refused = must(exchange::outcome_from_json(must(json::parse(as_cc.body))));
  ASSERT_TRUE(refused.problem.has_value());
  EXPECT_EQ(refused.problem->code, Code::kWrongIdentity);

  exchange::CarrierHeader header;
  header.community = served.community.founders.community.id;
  header.from = b.id();
  header.to = must(MemberId::parse("CC"));
  header.parts.resize(1);
  codec::Writer check;
  check.vec32(exchange::encode(header)).vec32(exchange::encode(exchange::CarrierManifest{}));
  auto const foreign = send("/api/v1/carriers/checks", kCarrierCheckType, check.bytes());
  EXPECT_EQ(foreign.status, 422);
  EXPECT_EQ(must(json::get_string(answer(foreign), "code", "")), "not_recipient");
}

TEST_F(CarrierApi, EvidenceIsEmptyUntilSomebodyContradictsItself) {
  auto const audit = served.token({Scope::kAudit}).secret;
  EXPECT_EQ(served.get("/api/v1/evidence", audit).body, R"({"evidence":[]})");
  EXPECT_EQ(served.get("/api/v1/evidence/00", audit).status, 404);
}

}  // namespace
}  // namespace amic::api
