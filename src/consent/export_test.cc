// Pages for people without a node, and search over the texts.
#include "consent/export.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <regex>

#include "base/limits.h"
#include "codec/codec.h"
#include "codec/testing.h"
#include "consent/html.h"
#include "consent/ledger_testing.h"
#include "consent/text_search.h"
#include "crypto/hash.h"

namespace amic::consent {
namespace {

using codec::testing::golden_text;
using testing::World;

constexpr std::string_view kNewTerms =
    "# Terms of Reference\n\n## Article 1. Purpose\n\nTo share & to trust; <script>alert('x')"
    "</script>\n\n## Article 2. Hồ sơ\n\nĐiều khoản về Biển.\n\n## Article 3. ไทย\n\nการแบ่งปัน\n";

// Two versions of the TOR; the second with a statement annexed.
struct Told {
  World w;
  History history;
  Told() {
    Hash const id = w.propose(0, w.motion(0,
                                          Amend{{{InstrumentKind::kTor, 2, "Terms <2>",
                                                  1'740'000'000'000, std::string(kNewTerms)}}},
                                          "Amendment of the TOR"));
    w.respond(0, id).value();
    w.respond(1, id, Position::kAgreeWithStatement, "\"We\" note <that>.\nTwo lines.").value();
    w.respond(2, id, Position::kNoObjection).value();
    for (std::size_t i = 0; i < 3; ++i) w.adopt(i, id).value();
    w.advance_all(id);
    w.decide(w.announcement(0, "Something else"));
    history = verify_history(w.transcript, w.decisions, 1).value();
  }
  Result<std::string> page(InstrumentKind kind, std::uint32_t version, PageOptions options = {}) {
    return instrument_page(w.transcript, history, w.decisions, kind, version, options);
  }
};

// Tags are ours and closed in order; nothing is fetched and nothing runs.
void expect_clean(std::string const& page) {
  static std::set<std::string> const kAllowed{
      "html", "head", "meta", "title", "style",   "body", "h1",         "h2",    "h3",
      "h4",   "h5",   "h6",   "p",     "article", "pre",  "table",      "thead", "tbody",
      "tr",   "th",   "td",   "dl",    "dt",      "dd",   "blockquote", "del",   "ins"};
  EXPECT_EQ(page.rfind("<!DOCTYPE html>\n<html lang=\"en\">", 0), 0U);
  EXPECT_TRUE(codec::is_utf8(page));
  for (auto const* bad : {"<script", "src=", "href=", "url(", "@import", "<link", "onload"})
    EXPECT_EQ(page.find(bad), std::string::npos) << bad;
  std::vector<std::string> open;
  std::regex const tag("<(/?)([a-z0-9]+)([^<>]*)>");
  std::string const body = page.substr(page.find("<html"));
  for (std::sregex_iterator it(body.begin(), body.end(), tag), end; it != end; ++it) {
    std::string const name = (*it)[2];
    EXPECT_TRUE(kAllowed.contains(name)) << name;
    if (name == "meta") continue;
    if ((*it)[1].length() == 0) {
      open.push_back(name);
      continue;
    }
    ASSERT_FALSE(open.empty());
    EXPECT_EQ(open.back(), name);
    open.pop_back();
  }
  EXPECT_TRUE(open.empty());
}

TEST(Export, AnAmendedTextWithItsCertificate) {
  Told told;
  std::string const page = told.page(InstrumentKind::kTor, 2).value();
  expect_clean(page);
  EXPECT_NE(page.find("To share &amp; to trust; &lt;script&gt;"), std::string::npos);
  EXPECT_NE(page.find("Member BB (BB)</td><td>agree with statement"), std::string::npos);
  EXPECT_NE(page.find("&quot;We&quot; note &lt;that&gt;."), std::string::npos);
  EXPECT_NE(page.find(codec::to_hex(crypto::sha256(as_bytes(kNewTerms)).view())),
            std::string::npos);
  EXPECT_EQ(golden_text("consent/instrument-tor-2.html", page), page);
  EXPECT_EQ(Told().page(InstrumentKind::kTor, 2).value(), page);
}

TEST(Export, ATextOfTheLaunchWithItsPresses) {
  Told told;
  std::string const page = told.page(InstrumentKind::kSop, 1).value();
  expect_clean(page);
  for (auto const& press : told.w.transcript.presses)
    EXPECT_NE(page.find(codec::to_hex(press.signature.view())), std::string::npos);
  // The old version of the TOR is there too.
  EXPECT_NE(told.page(InstrumentKind::kTor, 1).value().find("To share.\n"), std::string::npos);
  EXPECT_FALSE(told.page(InstrumentKind::kTor, 3));
  EXPECT_FALSE(told.page(InstrumentKind::kConcept, 1));
}

// What the page says about checking it is true: key, bytes and signature, and the chain of hashes.
TEST(Export, TheProofOnThePageVerifies) {
  Told told;
  std::string const page = told.page(InstrumentKind::kTor, 2).value();
  auto const values = [&](std::string const& name) {
    std::vector<Bytes> out;
    std::regex const fact("<dt>" + name + "</dt><dd>([0-9a-f]+)</dd>");
    for (std::sregex_iterator it(page.begin(), page.end(), fact), end; it != end; ++it)
      out.push_back(codec::from_hex((*it)[1].str()).value());
    return out;
  };
  auto const keys = values("Public key \\(Ed25519\\)"), messages = values("Signed bytes"),
             signatures = values("Signature"), bodies = values("Body of the adoption"),
             answers = values("Signed bytes of the answer"), said = values("Body of the answer");
  auto const motion = values("SHA-256 of the motion").at(0);
  ASSERT_EQ(keys.size(), 3U);
  ASSERT_EQ(said.size(), 3U);
  auto const ends_in = [](Bytes const& bytes, Hash const& hash) {
    return equal(BytesView{bytes}.last(32), hash.view());
  };
  for (std::size_t i = 0; i < 3; ++i) {
    EXPECT_TRUE(crypto::verify(*crypto::VerifyKey::from(keys[i]), messages[i],
                               *crypto::Signature::from(signatures[i])));
    EXPECT_TRUE(ends_in(messages[i], crypto::sha256(bodies[i])));
    EXPECT_TRUE(ends_in(bodies[i], crypto::sha256(answers[i])));
    EXPECT_TRUE(ends_in(answers[i], crypto::sha256(said[i])));
    EXPECT_TRUE(equal(BytesView{bodies[i]}.first(32), motion));
    EXPECT_TRUE(equal(BytesView{said[i]}.first(32), motion));
  }
}

TEST(Export, AMotionWithDifferencesAndEffect) {
  World w;
  Hash const id = w.propose(
      0, w.motion(0, Amend{{{InstrumentKind::kTor, 2, "Terms", 0, std::string(kNewTerms)}}}));
  w.respond(1, id, Position::kObject, "A reason that is open.").value();
  std::string const page =
      motion_page(w.ledgers[0].community(), w.ledgers[0].view(id).value()).value();
  expect_clean(page);
  EXPECT_NE(page.find("1 of 3 capitals have replied"), std::string::npos);
  EXPECT_EQ(page.find("A reason"), std::string::npos);
  EXPECT_NE(page.find("version 2 against version 1 in force"), std::string::npos);
  EXPECT_EQ(golden_text("consent/motion-amend.html", page), page);
}

TEST(Export, TheLanguageIsThatOfTheText) {
  Told told;
  EXPECT_NE(told.page(InstrumentKind::kTor, 1, {"vi"}).value().find("<article lang=\"vi\">"),
            std::string::npos);
  EXPECT_TRUE(told.page(InstrumentKind::kTor, 1, {"zh-Hant-TW"}));
  for (auto const* bad : {"", "x", "e\"n", "en-", "-en", "en us", "toolonglanguage", "12"})
    EXPECT_FALSE(told.page(InstrumentKind::kTor, 1, {bad})) << bad;
}

RC_GTEST_PROP(ExportProperty, NoTextBreaksOut, (std::string text)) {
  Page page("en", text);
  page.document(text);
  page.quoted("ins", text, text);
  page.begin_facts();
  page.fact(text, text);
  page.end_facts();
  std::string const out = page.take();
  std::string const after = out.substr(out.find("</style>"));
  std::size_t const tags = static_cast<std::size_t>(std::count(after.begin(), after.end(), '<'));
  Page plain("en", "x");
  RC_ASSERT(static_cast<std::size_t>(std::count(after.begin(), after.end(), '>')) == tags);
  RC_ASSERT(after.find("<s") == std::string::npos);
}

// ---- search -------------------------------------------------------------------------------------

std::vector<TextHit> found(Told& told, std::string_view query) {
  auto const texts =
      searchable_texts(told.w.transcript, told.history, told.w.decisions, 1'750'000'000'000)
          .value();
  return search_texts(texts, query, 50).value().hits;
}

TEST(TextSearch, FindsWithoutCaseAndDiacritics) {
  Told told;
  for (auto const* query : {"dieu khoan", "ĐIỀU", "Điều khoản", "bien"}) {
    auto const hits = found(told, query);
    ASSERT_EQ(hits.size(), 1U) << query;
    EXPECT_EQ(hits[0].heading, "Article 2. Hồ sơ");
    EXPECT_EQ(hits[0].version, 2U);
    EXPECT_TRUE(hits[0].in_force);
    EXPECT_EQ(hits[0].snippet, "Điều khoản về Biển.");
  }
  EXPECT_EQ(found(told, "แบ่งปัน").at(0).heading, "Article 3. ไทย");
  EXPECT_EQ(found(told, "ho so").size(), 1U);  // the heading
  EXPECT_TRUE(found(told, "nothing like it").empty());
}

TEST(TextSearch, CoversPastTextsTheLatestFirst) {
  Told told;
  auto const hits = found(told, "to share");
  ASSERT_EQ(hits.size(), 2U);
  EXPECT_EQ(hits[0].version, 2U);
  EXPECT_TRUE(hits[0].in_force);
  EXPECT_EQ(hits[1].version, 1U);
  EXPECT_FALSE(hits[1].in_force);
  // Before the second takes effect the first one is in force.
  auto const texts = searchable_texts(told.w.transcript, told.history, told.w.decisions,
                                      testing::kStartMs + 10'000)
                         .value();
  auto const earlier = search_texts(texts, "to share", 50).value().hits;
  EXPECT_FALSE(earlier.at(0).in_force);
  EXPECT_TRUE(earlier.at(1).in_force);
}

TEST(TextSearch, IsBounded) {
  std::vector<SearchableText> texts(1);
  for (int i = 0; i < 300; ++i)
    texts[0].text += "## Article\n\n" + std::string(400, 'x') + " word\n";
  auto const all = search_texts(texts, "word", 1000).value();
  EXPECT_EQ(all.hits.size(), limits::kTextSearchHitsMax);
  EXPECT_TRUE(all.more);
  EXPECT_LT(all.hits[0].snippet.size(), 200U);
  EXPECT_FALSE(search_texts(texts, "word", 300).value().hits.empty());
  EXPECT_FALSE(search_texts(texts, " \n ", 10));
  EXPECT_FALSE(search_texts(texts, std::string(300, 'x'), 10));
  EXPECT_FALSE(search_texts(texts, "\xff", 10));
}

TEST(TextSearch, FoldsLatinLettersOnly) {
  EXPECT_EQ(folded("ÀÉÎÕÜ Çñ Šž Đđ Ưư Ơơ Ệ"), "aeiou cn sz dd uu oo e");
  EXPECT_EQ(folded("e\xCC\x81"), "e");  // combining acute
  EXPECT_EQ(folded("ក ไทย ß æ"), "ក ไทย ß æ");
}

}  // namespace
}  // namespace amic::consent
