#include "json/json.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <bit>
#include <limits>

namespace amic::json {
namespace {

Error error_of(std::string_view text, ParseOptions options = {}) {
  auto result = parse(text, options);
  return result ? Error{} : result.error();
}

std::string canonical_of(std::string_view text) {
  auto parsed = parse(text);
  return parsed ? canonical(*parsed) : parsed.error().text();
}

TEST(Parse, AcceptsEveryKindOfValue) {
  auto const v =
      parse(R"( {"a":[1,-2,18446744073709551615,1.5,true,false,null,"x\u00e9"]} )").value();
  EXPECT_EQ(json::serialize(v), R"({"a":[1,-2,18446744073709551615,1.5,true,false,null,"xé"]})");
  EXPECT_EQ(parse("\"\\u0000\"").value().get_string().size(), 1U);
}

TEST(Parse, RefusesWhatIsNotRfc8259) {
  for (auto bad :
       {"", " ", "{", "[1,]", "{\"a\":1,}", "[1] 2", "nul", "01", "+1", ".5", "1.", "'a'",
        "// c\n1", "NaN", "[\"\t\"]", "\"\\x\"", "\xEF\xBB\xBF{}", "{a:1}", "-"}) {
    EXPECT_EQ(error_of(bad).code, Code::kMalformed) << bad;
    EXPECT_EQ(error_of(bad).where.substr(0, 5), "byte ") << bad;
  }
}

TEST(Parse, RefusesWhatIsNotUtf8) {
  for (auto bad : {"\"\xFF\"", "\"\xC0\x80\"", "\"\xED\xA0\x80\"", "\"\xF4\x90\x80\x80\"",
                   "\"\xE2\x82\"", "{\"\x80\":1}"})
    EXPECT_EQ(error_of(bad).code, Code::kBadUtf8) << bad;
  for (auto lone :
       {R"("\ud800")", R"("\udc00")", R"("\ud800x")", R"("\ud800\u0041")", R"({"\ud800":1})"})
    EXPECT_EQ(error_of(lone).code, Code::kBadUtf8) << lone;
  EXPECT_EQ(parse(R"("\ud83d\ude00")").value().get_string(), "\xF0\x9F\x98\x80");
}

TEST(Parse, NamesTheRepeatedMember) {
  EXPECT_EQ(error_of(R"({"a":1,"a":1})").where, "/a");
  EXPECT_EQ(error_of(R"({"a":1,"b":[0,{"x/y":":","x\/y":2}]})").where, "/b/1/x~1y");
  EXPECT_EQ(error_of(R"({"a":{"q":1.5,"r":{}}, "\u0061":2.5})").where, "/a");
  EXPECT_EQ(error_of(R"([{},{"k":[1,2,"]"],"k":1e999}])").where, "/1/k");
  EXPECT_EQ(error_of(R"({"a":1,"a":1})").code, Code::kDuplicateKey);
  EXPECT_TRUE(parse(R"({"a":{"a":":"},"b":{"a":1}})"));
}

TEST(Parse, BoundsDepthAndSize) {
  auto const nested = [](std::size_t n) { return std::string(n, '[') + std::string(n, ']'); };
  EXPECT_TRUE(parse(nested(32)));
  EXPECT_EQ(error_of(nested(33)).code, Code::kTooDeep);
  EXPECT_EQ(error_of(nested(1'000'000)).code, Code::kTooDeep);
  EXPECT_TRUE(parse("[1]", {.depth_max = 1, .bytes_max = 3}));
  EXPECT_EQ(error_of("[1] ", {.depth_max = 1, .bytes_max = 3}).code, Code::kTooLarge);
}

TEST(Parse, KeepsNumbersExactOrRefuses) {
  EXPECT_EQ(parse("-9223372036854775808").value().get_int64(),
            std::numeric_limits<std::int64_t>::min());
  EXPECT_EQ(parse("9223372036854775808").value().get_uint64(), 9223372036854775808ULL);
  for (auto bad : {"-9223372036854775809", "18446744073709551616", "123456789012345678901234567890",
                   "1e400", "-1e400", "1e99999999999"})
    EXPECT_EQ(error_of(bad).code, Code::kOutOfRange) << bad;
  EXPECT_EQ(error_of(R"({"a":[18446744073709551617]})").where, "byte 6");
  EXPECT_EQ(parse("1e-400").value().get_double(), 0);
  // Correct rounding, where multiplying by powers of ten is an ulp off.
  EXPECT_EQ(parse("[5.0e-324]").value().get_array()[0].get_double(), 5e-324);
  for (double d :
       {7.2057594037927933e16, 8.5e-300, 1.7976931348623157e308, 9.5e-7, 48.8566, 123456.789e25}) {
    std::string const text = canonical(value(d));
    EXPECT_EQ(canonical_of(text), text);
  }
}

// RFC 8785 appendix B.
TEST(Canonical, WritesNumbersAsEcmaScriptDoes) {
  struct {
    std::uint64_t bits;
    char const* text;
  } const table[] = {
      {0x0000000000000000, "0"},
      {0x8000000000000000, "0"},
      {0x0000000000000001, "5e-324"},
      {0x8000000000000001, "-5e-324"},
      {0x7fefffffffffffff, "1.7976931348623157e+308"},
      {0xffefffffffffffff, "-1.7976931348623157e+308"},
      {0x4340000000000000, "9007199254740992"},
      {0xc340000000000000, "-9007199254740992"},
      {0x4430000000000000, "295147905179352830000"},
      {0x44b52d02c7e14af5, "9.999999999999997e+22"},
      {0x44b52d02c7e14af6, "1e+23"},
      {0x44b52d02c7e14af7, "1.0000000000000001e+23"},
      {0x444b1ae4d6e2ef4e, "999999999999999700000"},
      {0x444b1ae4d6e2ef4f, "999999999999999900000"},
      {0x444b1ae4d6e2ef50, "1e+21"},
      {0x3eb0c6f7a0b5ed8c, "9.999999999999997e-7"},
      {0x3eb0c6f7a0b5ed8d, "0.000001"},
      {0x41b3de4355555553, "333333333.3333332"},
      {0x41b3de4355555554, "333333333.33333325"},
      {0x41b3de4355555555, "333333333.3333333"},
      {0x41b3de4355555556, "333333333.3333334"},
      {0x41b3de4355555557, "333333333.33333343"},
      {0xbecbf647612f3696, "-0.0000033333333333333333"},
      {0x43143ff3c1cb0959, "1424953923781206.2"},
  };
  for (auto const& row : table) {
    EXPECT_EQ(canonical(value(std::bit_cast<double>(row.bits))), row.text);
    EXPECT_EQ(canonical_of(row.text), row.text);
  }
  EXPECT_EQ(canonical(value(std::numeric_limits<double>::quiet_NaN())), "null");
}

// RFC 8785 3.2.2 and 3.2.3.
TEST(Canonical, ReproducesTheExamplesOfRfc8785) {
  EXPECT_EQ(canonical_of(R"({
      "numbers": [333333333.33333329, 1E30, 4.50, 2e-3, 0.000000000000000000000000001],
      "string": "\u20ac$\u000F\u000aA'\u0042\u0022\u005c\\\"\/",
      "literals": [null, true, false]})"),
            "{\"literals\":[null,true,false],\"numbers\":[333333333.3333333,1e+30,4.5,0.002,1e-27],"
            "\"string\":\"\xE2\x82\xAC$\\u000f\\nA'B\\\"\\\\\\\\\\\"/\"}");
  auto const sorted = canonical_of(R"({
      "\u20ac": "Euro Sign", "\r": "Carriage Return", "\ufb33": "Hebrew Letter Dalet With Dagesh",
      "1": "One", "\ud83d\ude00": "Emoji: Grinning Face", "\u0080": "Control",
      "\u00f6": "Latin Small Letter O With Diaeresis"})");
  std::vector<std::string> order;
  auto const parsed = parse(sorted).value();
  for (auto const& member : parsed.get_object())
    order.emplace_back(std::string_view(member.value().get_string()));
  EXPECT_EQ(order, (std::vector<std::string>{
                       "Carriage Return", "One", "Control", "Latin Small Letter O With Diaeresis",
                       "Euro Sign", "Emoji: Grinning Face", "Hebrew Letter Dalet With Dagesh"}));
}

TEST(Canonical, EscapesAsLittleAsPossible) {
  EXPECT_EQ(canonical_of(R"("\b\t\n\u000b\f\r\u0000\u001f\u007f\/")"),
            "\"\\b\\t\\n\\u000b\\f\\r\\u0000\\u001f\x7f/\"");
  EXPECT_EQ(canonical_of(R"({"b":{"z":1,"a":2},"":[],"a":{}})"),
            R"({"":[],"a":{},"b":{"a":2,"z":1}})");
}

TEST(Serialize, KeepsTheOrderOfMembers) {
  EXPECT_EQ(json::serialize(parse(R"({"b":1, "a":[ 2.50 ]})").value()), R"({"b":1,"a":[2.5]})");
}

TEST(Access, SaysWhatIsMissingOrWrong) {
  auto const v = parse(R"({"s":"x","i":-5,"u":9223372036854775808,"d":1.5,"a/b":1})").value();
  auto const& o = v.get_object();
  EXPECT_EQ(get_string(o, "s", "/p").value(), "x");
  EXPECT_EQ(get_int(o, "i", "/p").value(), -5);
  EXPECT_EQ(get_string(o, "no", "/p").error().code, Code::kMissingField);
  EXPECT_EQ(get_string(o, "no", "/p").error().where, "/p/no");
  EXPECT_EQ(get_string(o, "a/b", "").error().where, "/a~1b");
  EXPECT_EQ(get_string(o, "i", "").error().code, Code::kWrongType);
  EXPECT_EQ(get_int(o, "d", "").error().code, Code::kWrongType);
  EXPECT_EQ(get_int(o, "u", "").error().code, Code::kOutOfRange);
  EXPECT_EQ(pointer_token("a/b~"), "a~1b~0");
}

TEST(Slice, GivesTheExactTextOfEachElement) {
  std::string const text =
      R"( {"type":"bundle" , "objects" : [ {"a":"]}\""} ,2.50,"s",[ ] ],"z":{"objects":[1]}} )";
  auto const sliced = slice_member_array(text, "objects", 10).value();
  EXPECT_EQ(sliced.elements,
            (std::vector<std::string_view>{R"({"a":"]}\""})", "2.50", R"("s")", "[ ]"}));
  EXPECT_EQ(sliced.rest, R"( {"type":"bundle" , "objects" : [],"z":{"objects":[1]}} )");
  EXPECT_GE(sliced.elements[0].data(), text.data());
  EXPECT_TRUE(slice_member_array(R"({"a":1})", "objects", 1).value().elements.empty());
  EXPECT_EQ(slice_member_array(R"({"a":1})", "objects", 1).value().rest, R"({"a":1})");
  EXPECT_EQ(slice_member_array(R"({"\u006fbjects":[7]})", "objects", 1).value().elements.size(),
            1U);
}

TEST(Slice, RefusesBrokenFrames) {
  auto const code = [](std::string_view text, ParseOptions options = {}) {
    auto const result = slice_member_array(text, "o", 2, options);
    return result ? Code::kInternal : result.error().code;
  };
  for (auto bad : {"", "[]", "{", R"({"o":[)", R"({"o":[1,]})", R"({"o":[{]}]})", R"({"o":["x})",
                   R"({"o":[1 2]})", R"({"o":[1]} x)", R"({"o":[1],})", R"({"o" [1]})",
                   R"({o:[1]})", R"({"o":[,1]})", R"({"o":[1]]})", R"({"p":})", R"({"o":[$]})"})
    EXPECT_EQ(code(bad), Code::kMalformed) << bad;
  EXPECT_EQ(code(R"({"o":[1],"o":[2]})"), Code::kDuplicateKey);
  EXPECT_EQ(code(R"({"o":{}})"), Code::kWrongType);
  EXPECT_EQ(code(R"({"o":[1,2,3]})"), Code::kTooLarge);
  EXPECT_EQ(code(R"({"o":[1]})", {.bytes_max = 4}), Code::kTooLarge);
  EXPECT_EQ(code(R"({"o":[[[]]]})", {.depth_max = 3}), Code::kTooDeep);
  EXPECT_EQ(code(R"({"o":[[]]})", {.depth_max = 3}), Code::kInternal);
  EXPECT_EQ(code(R"({"p":[[[]]]})", {.depth_max = 3}), Code::kTooDeep);
  EXPECT_EQ(code(R"({"p":[[[)" + std::string(1'000'000, '[')), Code::kTooDeep);
}

rc::Gen<std::string> gen_text() {
  return rc::gen::container<std::string>(
      rc::gen::element('a', ']', '}', '{', '[', ',', ':', '"', '\\', '\n', ' ', '/', '\x01'));
}

value gen_value(int depth) {
  switch (*rc::gen::inRange(0, depth > 0 ? 7 : 5)) {
    case 0:
      return nullptr;
    case 1:
      return *rc::gen::arbitrary<bool>();
    case 2:
      return *rc::gen::arbitrary<std::int64_t>();
    case 3:
      return *rc::gen::suchThat(rc::gen::arbitrary<double>(),
                                [](double d) { return std::isfinite(d); });
    case 4:
      return value(*gen_text());
    case 5: {
      array a;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) a.push_back(gen_value(depth - 1));
      return a;
    }
    default: {
      object o;
      for (int i = *rc::gen::inRange(0, 4); i > 0; --i) o[*gen_text()] = gen_value(depth - 1);
      return o;
    }
  }
}

RC_GTEST_PROP(Json, SlicesParseToTheElementsOfTheArray, ()) {
  object document;
  document["head"] = gen_value(2);
  array elements;
  for (int i = *rc::gen::inRange(0, 5); i > 0; --i) elements.push_back(gen_value(3));
  document["objects"] = elements;
  document[*gen_text()] = gen_value(2);
  document["objects"] = elements;
  auto const text = json::serialize(document);
  auto const whole = parse(text);
  RC_ASSERT(whole.has_value());
  auto const sliced = slice_member_array(text, "objects", 100);
  RC_ASSERT(sliced.has_value());
  RC_ASSERT(sliced->elements.size() == elements.size());
  for (std::size_t i = 0; i < elements.size(); ++i)
    RC_ASSERT(canonical(parse(sliced->elements[i]).value()) == canonical(elements[i]));
  auto rest = parse(sliced->rest).value();
  rest.get_object()["objects"] = elements;
  RC_ASSERT(canonical(rest) == canonical(*whole));
}

RC_GTEST_PROP(Json, CanonicalIsAFixedPoint, ()) {
  auto const v = gen_value(4);
  auto const once = canonical(v);
  RC_ASSERT(canonical(parse(once).value()) == once);
  RC_ASSERT(canonical(parse(json::serialize(v)).value()) == once);
}

RC_GTEST_PROP(Json, AnyDoubleSurvivesItsText, (std::uint64_t bits)) {
  auto const number = std::bit_cast<double>(bits);
  RC_PRE(std::isfinite(number));
  auto const read = parse("[" + canonical(value(number)) + ",0.5]").value();
  auto const& back = read.get_array()[0];
  double const got = back.is_double() ? back.get_double() : back.to_number<double>();
  RC_ASSERT(got == number);
}

RC_GTEST_PROP(Json, GarbageIsNeverAccepted, ()) {
  auto const text = *rc::gen::container<std::string>(
      rc::gen::element('{', '}', '[', ']', '"', ',', ':', '1', 'e', '.', '-', 'o', '\\', ' '));
  boost::json::error_code ec;
  auto const reference = boost::json::parse(text, ec);
  auto const mine = parse(text);
  if (mine) RC_ASSERT(!ec);
  if (auto const sliced = slice_member_array(text, "o", 100)) {
    bool good = parse(sliced->rest).has_value();
    for (auto const element : sliced->elements) good = good && parse(element).has_value();
    RC_ASSERT(good == mine.has_value());
  } else if (mine && mine->is_object()) {
    auto const* member = mine->get_object().if_contains("o");
    RC_ASSERT(member != nullptr && !member->is_array());
  }
}

}  // namespace
}  // namespace amic::json
