// Consent over HTTP: three nodes whose delegations talk, each with its API.
#include <gtest/gtest.h>

#include "api/testing.h"
#include "consent/ledger_testing.h"
#include "governance/delegation.h"
#include "identity/tokens.h"

namespace amic::api {
namespace {

using api::testing::object_of;
using api::testing::TestClock;
using api::testing::text_at;
using consent::testing::Founder;
using exchange::testing::must;
using identity::Scope;

struct Seat {
  Founder keys;
  std::filesystem::path directory;
  std::unique_ptr<store::Store> store = {};
  std::unique_ptr<tlog::Log> log = {};
  std::unique_ptr<exchange::DirectCommitter> committer = {};
  std::unique_ptr<exchange::Exchange> exchange = {};
  std::unique_ptr<governance::Delegation> delegation = {};
  std::unique_ptr<ApiService> api = {};
  std::string admin = {}, reader = {}, sharer = {};

  MemberId const& id() const { return keys.card.member; }
  void work() {
    while (must(delegation->work())) {
    }
  }
};

class Table {
 public:
  explicit Table(std::set<std::string> const& keys_elsewhere = {}) {
    runtime_.start();
    client_ = must(net::Client::create(runtime_, {}));
    auto const founders = consent::testing::make_founders({"AA", "BB", "CC"}, random);
    transcript = consent::testing::make_transcript(founders);
    for (auto const& founder : founders) {
      seats.push_back(
          std::make_unique<Seat>(Seat{founder, directory_.path() / founder.card.member.str()}));
      open(*seats.back(), !keys_elsewhere.contains(founder.card.member.str()));
    }
    settle();
  }
  ~Table() {
    for (auto const& seat : seats) seat->api.reset();
  }
  Seat& operator[](std::size_t i) { return *seats[i]; }

  net::Response call(Seat& seat, std::string method, std::string target, std::string body = {},
                     std::string token = {}) {
    net::Request request;
    request.method = std::move(method);
    request.target = std::move(target);
    request.body = std::move(body);
    request.headers.emplace_back("authorization", "Bearer " + (token.empty() ? seat.admin : token));
    auto response = client_->call({"http", "127.0.0.1", seat.api->port()}, std::move(request),
                                  net::kTestTimeoutMs);
    EXPECT_TRUE(response) << response.error().text();
    return response ? std::move(*response) : net::Response{};
  }
  json::object get(Seat& seat, std::string target, std::string token = {}) {
    auto const response = call(seat, "GET", std::move(target), {}, std::move(token));
    EXPECT_EQ(response.status, 200) << response.body;
    return object_of(response);
  }
  json::object post(Seat& seat, std::string target, json::object const& body, int status = 201) {
    auto const response = call(seat, "POST", std::move(target), json::serialize(body));
    EXPECT_EQ(response.status, status) << response.body;
    return object_of(response);
  }
  // Circulates it and lets it arrive everywhere.
  std::string propose(Seat& seat, json::object const& request) {
    auto const id = text_at(post(seat, "/api/v1/motions", request), "motion");
    settle();
    return id;
  }
  json::object position(Seat& seat, std::string const& id, std::string_view position,
                        json::object more = {}, int status = 201) {
    more["position"] = position;
    if (!more.contains("next_head"))
      more["next_head"] = text_at(get(seat, "/api/v1/motions/" + id), "next_head");
    return post(seat, "/api/v1/motions/" + id + "/position", more, status);
  }
  void settle() {
    for (int round = 0; round < 8; ++round)
      for (auto const& from : seats)
        for (auto const& to : seats)
          if (from != to) talk(*from, *to);
  }

  SystemRandom random;
  TestClock clock;
  consent::Transcript transcript;
  std::vector<std::unique_ptr<Seat>> seats;

 private:
  std::string token(Seat& seat, std::set<Scope> scopes) {
    identity::TokenInfo wanted;
    wanted.name = "test";
    wanted.scopes = std::move(scopes);
    wanted.clearance = marking::Classification::kSecret;
    auto made = must(identity::make_token(wanted, clock.now_ms(), random));
    store::Append unit;
    unit.kv.push_back(made.put);
    seat.committer->commit(std::move(unit), [](Result<std::uint64_t> done) { must(done); });
    return made.secret;
  }
  void open(Seat& seat, bool key_here) {
    store::Options options;
    options.key = crypto::Secret(Bytes(32, 7));
    seat.store = must(store::Store::open("sqlite:" + seat.directory.string(), std::move(options)));
    auto chronicle = must(governance::load_chronicle(*seat.store, transcript));
    seat.log = must(tlog::Log::open(*seat.store,
                                    tlog::log_origin(chronicle.history.now.id, seat.id(), Realm()),
                                    seat.keys.log));
    seat.committer = std::make_unique<exchange::DirectCommitter>(*seat.log);
    seat.exchange = must(
        exchange::Exchange::open(chronicle.heads, {seat.id(), seat.keys.node, seat.keys.sealing},
                                 *seat.store, *seat.committer, clock, random, Realm()));
    governance::Keys keys{seat.keys.node, std::nullopt};
    if (key_here) keys.governance = seat.keys.governance;
    seat.delegation = must(
        governance::Delegation::open({*seat.exchange, *seat.store, *seat.committer, clock, random},
                                     std::move(keys), std::move(chronicle)));
    seat.admin = token(seat, {Scope::kAdmin, Scope::kRead, Scope::kShare});
    seat.reader = token(seat, {Scope::kRead});
    seat.sharer = token(seat, {Scope::kRead, Scope::kShare});
    Dependencies parts{runtime_,  pool_, *seat.store, *seat.exchange, *seat.committer,
                       *seat.log, clock, random,      metrics_};
    parts.links = [] { return json::array{}; };
    parts.readiness = [] { return Readiness{true, ""}; };
    parts.applied_seq = [] { return std::uint64_t{0}; };
    parts.version = "test";
    parts.delegation = seat.delegation.get();
    seat.api = must(ApiService::start(parts, {}));
  }
  void talk(Seat& from, Seat& to) {
    auto const behind = to.exchange->community().head.epoch;
    if (behind < from.exchange->community().head.epoch) {
      must(to.delegation->on_decisions(from.id(),
                                       must(from.delegation->decisions(behind, 1 << 20))));
      to.work();
    }
    for (auto const& wanted : to.delegation->to_ask())
      if (wanted == from.id())
        must(to.delegation->on_head_status(
            from.id(), must(from.delegation->head_status(to.delegation->challenge()))));
    exchange::testing::introduce(*from.exchange, *to.exchange);
    for (auto batch = must(from.exchange->next_batch(to.id())); batch;
         batch = must(from.exchange->next_batch(to.id()))) {
      Result<Bytes> receipt = fail(Code::kInternal, "test");
      to.exchange->accept(from.id(), *batch, [&](Result<Bytes> got) { receipt = std::move(got); });
      must(receipt);
      from.exchange->on_receipt(to.id(), *receipt, [](Result<void> done) { must(done); });
    }
    from.work();
    to.work();
  }

  exchange::testing::TemporaryDirectory directory_;
  obs::Metrics metrics_;
  net::Runtime runtime_{2};
  net::WorkerPool pool_{2, 1024};
  std::unique_ptr<net::Client> client_;
};

json::object amendment(std::string_view article = "To share, and to answer.") {
  json::object text{
      {"instrument", "TOR"},
      {"text", "# Terms of Reference\n\n## Article 1. Purpose\n\n" + std::string(article) + "\n"}};
  return {{"kind", "amend"}, {"title", "Article 1"}, {"texts", json::array{std::move(text)}}};
}

TEST(ConsentApi, AnAmendmentFromMotionToTextInForce) {
  Table table;
  table.clock.advance(1000LL * 86'400'000);  // well after the launch
  auto const id = table.propose(table[0], amendment());
  auto const shown = table.get(table[1], "/api/v1/motions/" + id, table[1].reader);
  EXPECT_EQ(shown.at("replied"), 0);
  EXPECT_EQ(shown.at("entitled"), 3);
  auto const& diff = shown.at("effect").at("diffs").at(0);
  EXPECT_EQ(diff.at("from_version"), 1);
  EXPECT_EQ(diff.at("articles").at(0).at("change"), "changed");
  for (std::size_t i = 0; i < 3; ++i) table.position(table[i], id, "agree");
  table.settle();
  for (std::size_t i = 0; i < 3; ++i) {
    auto const text = table.get(table[i], "/api/v1/instruments/tor");
    EXPECT_EQ(text.at("version"), 2);
    EXPECT_EQ(text.at("in_force"), true);
    EXPECT_NE(text_at(text, "text").find("To share, and to answer."), std::string::npos);
  }
  EXPECT_NE(
      text_at(table.get(table[0], "/api/v1/instruments/TOR?version=1"), "text").find("To share.\n"),
      std::string::npos);
  auto const versions = table.get(table[0], "/api/v1/instruments/TOR/changes").at("changes");
  ASSERT_EQ(versions.get_array().size(), 2u);
  auto const launched = text_at(versions.at(0).get_object(), "adopted");
  EXPECT_EQ(table.get(table[0], "/api/v1/instruments/TOR?at=" + launched).at("version"), 1);
  EXPECT_EQ(table.call(table[0], "GET", "/api/v1/instruments/TOR?at=1990-01-01T00:00:00Z").status,
            404);
  auto const hits = table.get(table[0], "/api/v1/instruments/search?q=ANSWER").at("hits");
  EXPECT_EQ(hits.at(0).at("version"), 2);
  auto const page = table.call(table[0], "GET", "/api/v1/instruments/TOR/page");
  EXPECT_EQ(page.header("content-type"), "text/html; charset=utf-8");
  EXPECT_NE(page.body.find("Member CC"), std::string::npos);
}

TEST(ConsentApi, ADecisionIsInTheHistoryAndItsFileVerifies) {
  Table table;
  auto const id = table.propose(table[2], {{"kind", "announce"}, {"title", "T"}, {"text", "x\n"}});
  table.position(table[0], id, "no_objection");
  table.position(table[1], id, "agree_with_statement", {{"text", "With thanks.\n"}});
  table.position(table[2], id, "agree");
  table.settle();
  EXPECT_EQ(table.get(table[1], "/api/v1/head").at("epoch"), 1);
  auto const decision = table.get(table[1], "/api/v1/decisions/1");
  EXPECT_EQ(decision.at("adoptions").at(1).at("statement"), "With thanks.\n");
  EXPECT_EQ(table.call(table[1], "GET", "/api/v1/decisions/2").status, 404);
  EXPECT_EQ(table.call(table[1], "GET", "/api/v1/decisions/0").status, 404);
  EXPECT_EQ(table.get(table[1], "/api/v1/history").at("decisions").get_array().size(), 1u);
  auto const gone = table.call(table[1], "GET", "/api/v1/motions/" + id);
  EXPECT_EQ(gone.status, 404);
  EXPECT_NE(gone.body.find("/api/v1/decisions/1"), std::string::npos);
  auto const next = table.propose(table[0], amendment());
  auto const file = table.call(table[1], "GET", "/api/v1/history/file?motion=" + next);
  auto const read = must(governance::history_file_from_text(file.body));
  EXPECT_EQ(codec::to_hex(consent::motion_id(read.motion->body).view()), next);
  auto const told = must(governance::chronicle_of(read.transcript, read.decisions));
  EXPECT_EQ(told.history.now.head_digest, table[1].exchange->community().head_digest);
}

TEST(ConsentApi, ShowsHowManyHaveRepliedAndNeverHow) {
  Table table;
  auto const id = table.propose(table[1], amendment());
  auto const target = "/api/v1/motions/" + id;
  table.position(table[1], id, "not_yet");
  table.position(table[2], id, "object", {{"reason", "Article 1 is too wide.\n"}});
  table.settle();
  auto const chair = table.get(table[0], target);
  EXPECT_EQ(chair.at("replied"), 2);
  EXPECT_EQ(chair.at("outstanding"), (json::array{"AA"}));
  EXPECT_EQ(chair.at("reasons").at(0).at("text"), "Article 1 is too wide.\n");
  EXPECT_FALSE(table.get(table[0], target, table[0].reader).contains("reasons"));
  EXPECT_FALSE(table.get(table[0], target, table[0].reader).contains("outstanding"));
  auto const other = json::serialize(table.get(table[1], target));
  EXPECT_EQ(other.find("too wide"), std::string::npos);
  EXPECT_EQ(other.find("outstanding"), std::string::npos);
  EXPECT_EQ(other.find("object\""), std::string::npos);
  EXPECT_EQ(table.get(table[1], target).at("own_position"), "not_yet");
  auto const again = table.position(table[2], id, "agree", {}, 422);
  EXPECT_EQ(text_at(again, "where"), "consent.R4.final");
}

TEST(ConsentApi, AnOpenedReasonNeedsNoSecret) {
  Table table;
  auto const id = table.propose(table[0], amendment());
  auto const said =
      table.position(table[2], id, "object", {{"reason", "For all to see.\n"}, {"open", true}});
  EXPECT_FALSE(said.contains("reason"));
}

TEST(ConsentApi, APositionSignsWhatWasShown) {
  Table table;
  auto const id = table.propose(table[0], amendment());
  auto const wrong =
      table.position(table[1], id, "agree", {{"next_head", std::string(64, '0')}}, 409);
  EXPECT_EQ(text_at(wrong, "where"), "/next_head");
  EXPECT_FALSE(table.get(table[1], "/api/v1/motions/" + id).contains("own_position"));
}

TEST(ConsentApi, ASignatureMadeElsewhere) {
  Table table({"BB"});
  auto const id = table.propose(table[0], amendment());
  auto const waits = table.position(table[1], id, "agree", {}, 202);
  EXPECT_EQ(waits.at("sent"), false);
  auto const& governance = table[1].keys.governance;
  EXPECT_EQ(text_at(waits, "key"), codec::to_hex(governance.verify_key().view()));
  EXPECT_EQ(table.get(table[1], "/api/v1/consent").at("unsigned").at(0).at("statement"),
            waits.at("statement"));
  auto const message = must(codec::from_base64(text_at(waits, "message")));
  auto const post = [&](crypto::SigningKey const& key, int status) {
    return table.post(table[1], "/api/v1/consent/signatures",
                      {{"statement", waits.at("statement")},
                       {"signature", codec::to_hex(key.sign(message).view())}},
                      status);
  };
  EXPECT_EQ(text_at(post(table[0].keys.governance, 422), "code"), "bad_signature");
  EXPECT_EQ(post(governance, 200).at("sent"), true);
  post(governance, 404);
  table.settle();
  EXPECT_EQ(table.get(table[0], "/api/v1/motions/" + id).at("replied"), 1);
}

TEST(ConsentApi, ErrorsNameThePlaceOrTheRule) {
  Table table;
  struct Case {
    char const* body;
    char const* where;
  };
  for (auto const& [body, where] : {
           Case{R"({"title":"T"})", "/kind"},
           Case{R"({"kind":"expel","title":"T"})", "/kind"},
           Case{R"({"kind":"announce","title":"T"})", "/text"},
           Case{R"({"kind":"announce","title":" T","text":"x\n"})", "/title"},
           Case{R"({"kind":"announce","title":"T","text":"a\u0001"})", "/text"},
           Case{R"({"kind":"announce","title":"T","text":"x","texts":[]})", "/texts"},
           Case{R"({"kind":"announce","title":"T","text":"x","deadline":"soon"})", "/deadline"},
           Case{R"({"kind":"amend","title":"T","texts":[]})", "/texts"},
           Case{R"({"kind":"amend","title":"T","texts":[{"instrument":"LAW","text":"x"}]})",
                "/texts/0/instrument"},
           Case{R"({"kind":"amend","title":"T","texts":[{"instrument":"CONCEPT","text":"x"}]})",
                "/texts/0/title"},
           Case{R"({"kind":"amend","title":"T","texts":[{"instrument":"SOP","text":"x"},)"
                R"({"instrument":"TOR","text":"a\u0001"}]})",
                "/texts/1/text"},
           Case{R"({"kind":"admit","title":"T","card":"none"})", "/card"},
           Case{R"({"kind":"chair","title":"T"})", "/chair"},
           Case{R"({"kind":"chair","title":"T","next":true,"chair":"BB"})", "/next"},
           Case{R"({"kind":"rules","title":"T","limits":{"love":1}})", "/limits/love"},
           Case{R"({"kind":"rules","title":"T","precedence_seconds":{"FLASH":-1}})",
                "/precedence_seconds/FLASH"},
           Case{R"({"kind":"participation","title":"T","text":"x","participants":["bb"]})",
                "/participants/0"},
       }) {
    auto const response = table.call(table[1], "POST", "/api/v1/motions", body);
    EXPECT_EQ(text_at(object_of(response), "where"), where) << body << response.body;
    EXPECT_GE(response.status, 400) << body;
  }
  auto const id = table.propose(table[0], amendment());
  auto const target = "/api/v1/motions/" + id;
  EXPECT_EQ(text_at(table.post(table[1], target + "/declare", {}, 422), "where"),
            "consent.R9.chair");
  EXPECT_EQ(text_at(table.post(table[1], target + "/shelve", {}, 422), "where"),
            "consent.R9.chair");
  EXPECT_EQ(text_at(table.post(table[1], target + "/comments", {{"place", "TOR"}}, 400), "where"),
            "/text");
  auto const other = table.propose(table[1], amendment("To share little."));
  table.position(table[2], id, "agree");
  EXPECT_EQ(text_at(table.position(table[2], other, "agree", {}, 422), "where"),
            "consent.R3.one_lock");
}

TEST(ConsentApi, WordsAboutAMotion) {
  Table table;
  auto const id = table.propose(table[1], amendment());
  auto const target = "/api/v1/motions/" + id;
  table.post(table[2], target + "/comments", {{"place", "TOR, Article 1"}, {"text", "Why?\n"}});
  table.post(table[2], target + "/remarks", {{"to", "BB"}, {"text", "Between us.\n"}});
  table.post(table[2], target + "/indication", {{"view", "reserve"}});
  table.settle();
  auto const chair = json::serialize(table.get(table[0], target));
  EXPECT_NE(chair.find("Why?"), std::string::npos);
  EXPECT_EQ(chair.find("Between us."), std::string::npos);
  EXPECT_NE(json::serialize(table.get(table[1], target)).find("Between us."), std::string::npos);
  table.post(table[0], target + "/shelve", {{"text", "For the next meeting.\n"}});
  table.settle();
  EXPECT_EQ(table.get(table[2], target).at("stage"), "shelved");
  table.post(table[0], target + "/resume", {});
  table.settle();
  EXPECT_EQ(table.get(table[2], target).at("stage"), "consultation");
  table.post(table[2], "/api/v1/consent/round", {});
  EXPECT_EQ(text_at(table.position(table[2], id, "agree", {}, 422), "where"), "consent.R7.round");
  // What binds needs an administrator's token, a comment does not.
  EXPECT_EQ(table.call(table[1], "POST", target + "/withdraw", "{}", table[1].sharer).status, 403);
  EXPECT_EQ(table
                .call(table[1], "POST", target + "/comments",
                      R"({"place":"TOR","text":"So it is.\n"})", table[1].sharer)
                .status,
            201);
}

TEST(ConsentApi, ConsentAheadByTheClassThatTheRulesName) {
  Table table;
  json::object cls{{"name", "dates"},
                   {"instrument", "TOR"},
                   {"clause", "Article 1"},
                   {"wait_days", 1},
                   {"kinds", json::array{"announce"}}};
  auto const id = table.propose(table[0], {{"kind", "rules"},
                                           {"title", "A class"},
                                           {"precedence_seconds", json::object{{"FLASH", 60}}},
                                           {"classes", json::array{cls}}});
  for (std::size_t i = 0; i < 3; ++i) table.position(table[i], id, "agree");
  table.settle();
  json::object const wish{{"standing_class", "dates"}, {"expires", "2099-01-01T00:00:00Z"}};
  auto const given = table.post(table[1], "/api/v1/consent/standing", wish);
  auto const list = table.get(table[1], "/api/v1/consent/standing").at("standing");
  ASSERT_EQ(list.get_array().size(), 1u);
  EXPECT_EQ(list.at(0).at("clause"), "Article 1");
  EXPECT_EQ(list.at(0).at("statement"), given.at("statement"));
  auto const target = "/api/v1/consent/standing/" + text_at(given, "statement");
  EXPECT_EQ(table.call(table[1], "DELETE", target).status, 200);
  EXPECT_EQ(table.call(table[1], "DELETE", target).status, 404);
  EXPECT_TRUE(table.get(table[1], "/api/v1/consent/standing").at("standing").get_array().empty());
}

TEST(ConsentApi, AMemberJoinsByItsOwnWord) {
  Table table;
  auto const joiner = consent::testing::make_founder("DD", 9, table.random);
  auto const id = table.propose(
      table[0],
      {{"kind", "admit"}, {"title", "Admit DD"}, {"card", consent::to_text(joiner.card)}});
  for (std::size_t i = 0; i < 3; ++i) table.position(table[i], id, "agree");
  table.settle();
  auto const& now = table[0].exchange->community();
  EXPECT_EQ(now.head.epoch, 0u);  // R12: not without its word
  consent::JoinAccept word;
  word.community = now.id;
  word.head = now.head_digest;
  word.motion = must(Result<Hash>(*Hash::from(must(codec::from_hex(id)))));
  word.card = consent::fingerprint(joiner.card);
  word.created_ms = table.clock.now_ms();
  word = consent::sign_join_accept(word, joiner.root, joiner.governance);
  auto const other = "/api/v1/motions/" + std::string(64, '1') + "/join-accept";
  json::object const request{{"accept", consent::to_text(word)}};
  EXPECT_EQ(text_at(table.post(table[1], other, request, 409), "where"), "/accept");
  table.post(table[1], "/api/v1/motions/" + id + "/join-accept", request, 200);
  table.settle();
  for (auto const& seat : table.seats)
    EXPECT_NE(seat->exchange->community().head.member(joiner.card.member), nullptr);
}

TEST(ConsentApi, MeetingsAndTheirCalendar) {
  Table table;
  EXPECT_EQ(table.call(table[0], "GET", "/api/v1/meetings.ics").status, 404);
  json::object meeting{
      {"title", "Staff officers' meeting"},
      {"start", "2026-12-01T02:00:00Z"},
      {"end", "2026-12-01T04:00:00Z"},
      {"minutes", "Agreed.\n"},
      {"agenda", json::array{json::object{{"title", "Opening"}}}},
      {"actions", json::array{json::object{{"text", "Book the room"}, {"owner", "BB"}}}}};
  auto const made = table.post(table[0], "/api/v1/meetings", meeting);
  meeting["id"] = made.at("id");
  meeting["state"] = "held";
  table.post(table[0], "/api/v1/meetings", meeting);
  table.settle();
  auto const one = table.get(table[1], "/api/v1/meetings/AA/" + text_at(made, "id"));
  EXPECT_EQ(one.at("revision"), 2);
  EXPECT_EQ(one.at("state"), "held");
  EXPECT_EQ(table.get(table[2], "/api/v1/meetings").at("meetings").get_array().size(), 1u);
  EXPECT_NE(table.call(table[1], "GET", "/api/v1/meetings.ics").body.find("BEGIN:VTODO"),
            std::string::npos);
  EXPECT_EQ(text_at(table.post(table[1], "/api/v1/meetings", meeting, 404), "where"), "/id");
  meeting.erase("id");
  EXPECT_EQ(text_at(table.post(table[1], "/api/v1/meetings", meeting, 422), "where"),
            "consent.R13.record");
  meeting["end"] = "2026-12-01T01:00:00Z";
  EXPECT_EQ(text_at(table.post(table[0], "/api/v1/meetings", meeting, 400), "where"), "/end");
}

TEST(ConsentApi, TheChairIsHandedOver) {
  Table table;
  EXPECT_EQ(table.get(table[0], "/api/v1/handover").at("next"), "BB");
  auto const id =
      table.propose(table[0], {{"kind", "chair"}, {"title", "The next chair"}, {"next", true}});
  for (std::size_t i = 0; i < 3; ++i) table.position(table[i], id, "agree");
  table.settle();
  EXPECT_EQ(table.get(table[2], "/api/v1/handover").at("state"), "awaited");
  EXPECT_EQ(text_at(table.post(table[2], "/api/v1/handover", {}, 422), "where"),
            "consent.R14.handover");
  table.post(table[0], "/api/v1/handover", {{"note", "All is well.\n"}});
  table.settle();
  auto const handover = table.get(table[1], "/api/v1/handover");
  table.post(table[1], "/api/v1/handover/accept", {{"statement", handover.at("statement")}});
  table.settle();
  EXPECT_EQ(table.get(table[2], "/api/v1/handover").at("state"), "complete");
}

TEST(ConsentApi, WithoutADelegationThereIsNoConsent) {
  api::testing::ServedNode served;
  auto const admin = served.token({Scope::kAdmin, Scope::kRead});
  EXPECT_EQ(served.get("/api/v1/motions", admin.secret).status, 404);
  EXPECT_EQ(served.call("POST", "/api/v1/consent/round", admin.secret, "{}").status, 404);
}

}  // namespace
}  // namespace amic::api
