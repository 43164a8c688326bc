// STIX 2.1 section 6: cyber-observable objects, each with its ID Contributing Properties.
#include <arpa/inet.h>

#include <charconv>

#include "stix/internal/common.h"

namespace amic::stix::internal {
namespace {

using std::string_view;
using Found = std::optional<string_view>;

template <std::size_t N>
constexpr auto observable(std::array<Property, N> const& own) {
  return table(kObservableProperties, own);
}

constexpr std::array<string_view, 1> kArtifactOnly{"artifact"};
constexpr std::array<string_view, 1> kDirectoryOnly{"directory"};
constexpr std::array<string_view, 1> kFileOnly{"file"};
constexpr std::array<string_view, 1> kProcessOnly{"process"};
constexpr std::array<string_view, 1> kAccountOnly{"user-account"};
constexpr std::array<string_view, 1> kMacOnly{"mac-addr"};
constexpr std::array<string_view, 1> kAsOnly{"autonomous-system"};
constexpr std::array<string_view, 1> kEmailOnly{"email-addr"};
constexpr std::array<string_view, 1> kTrafficOnly{"network-traffic"};
constexpr std::array<string_view, 2> kFiles{"file", "directory"};
constexpr std::array<string_view, 2> kBodies{"artifact", "file"};
constexpr std::array<string_view, 3> kResolved{"ipv4-addr", "ipv6-addr", "domain-name"};
constexpr std::array<string_view, 4> kEndpoints{"ipv4-addr", "ipv6-addr", "mac-addr",
                                                "domain-name"};
constexpr std::array<string_view, 3> kEncryption{"AES-256-GCM", "ChaCha20-Poly1305",
                                                 "mime-type-indicated"};
constexpr std::array<string_view, 14> kRegistryTypes{"REG_NONE",
                                                     "REG_SZ",
                                                     "REG_EXPAND_SZ",
                                                     "REG_BINARY",
                                                     "REG_DWORD",
                                                     "REG_DWORD_BIG_ENDIAN",
                                                     "REG_DWORD_LITTLE_ENDIAN",
                                                     "REG_LINK",
                                                     "REG_MULTI_SZ",
                                                     "REG_RESOURCE_LIST",
                                                     "REG_FULL_RESOURCE_DESCRIPTION",
                                                     "REG_RESOURCE_REQUIREMENTS_LIST",
                                                     "REG_QWORD",
                                                     "REG_INVALID_TYPE"};

string_view string_at(json::object const& o, string_view name) {
  auto const* found = o.if_contains(name);
  return found != nullptr && found->is_string() ? string_view(found->get_string()) : string_view{};
}
bool is_true(json::object const& o, string_view name) {
  auto const* found = o.if_contains(name);
  return found != nullptr && found->is_bool() && found->get_bool();
}

// A defanged value ("198[.]51[.]100[.]1") is not meant to have the form of the real one.
Found unless_defanged(json::object const& o, bool good) {
  return good || is_true(o, "defanged") ? Found{} : Found{"value"};
}

bool is_cidr(string_view value, int family, int bits_max) {
  auto const slash = value.find('/');
  auto const address = value.substr(0, slash);
  char buffer[INET6_ADDRSTRLEN];
  if (address.size() >= sizeof buffer) return false;
  *std::copy(address.begin(), address.end(), buffer) = '\0';
  unsigned char parsed[16];
  if (inet_pton(family, buffer, parsed) != 1) return false;
  if (slash == string_view::npos) return true;
  auto const suffix = value.substr(slash + 1);
  int bits = -1;
  auto const [end, ec] = std::from_chars(suffix.data(), suffix.data() + suffix.size(), bits);
  return ec == std::errc{} && end == suffix.data() + suffix.size() && bits >= 0 &&
         bits <= bits_max && suffix.front() != '-';
}
Found ipv4_form(json::object const& o) {
  return unless_defanged(o, is_cidr(string_at(o, "value"), AF_INET, 32));
}
Found ipv6_form(json::object const& o) {
  return unless_defanged(o, is_cidr(string_at(o, "value"), AF_INET6, 128));
}
Found mac_form(json::object const& o) {
  auto const value = string_at(o, "value");
  bool good = value.size() == 17;
  for (std::size_t i = 0; good && i < value.size(); ++i) {
    char const c = value[i];
    good = i % 3 == 2 ? c == ':' : (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f');
  }
  return unless_defanged(o, good);
}

Found traffic_ended(json::object const& o) {
  if (!o.contains("end")) return {};
  auto const* active = o.if_contains("is_active");
  return active != nullptr && active->is_bool() && active->get_bool() ? Found{"is_active"}
                                                                      : Found{};
}
Found body_matches_multipart(json::object const& o) {
  auto const* multipart = o.if_contains("is_multipart");
  if (multipart == nullptr || !multipart->is_bool()) return {};
  string_view const wrong = multipart->get_bool() ? "body" : "body_multipart";
  return o.contains(wrong) ? Found{wrong} : Found{};
}
Found hive_is_expanded(json::object const& o) {
  auto key = string_at(o, "key");
  key = key.substr(0, key.find('\\'));
  auto const same = [&](string_view hive) {
    return key.size() == hive.size() && std::equal(key.begin(), key.end(), hive.begin(),
                                                   [](char a, char b) { return (a & ~0x20) == b; });
  };
  bool const cut = same("HKLM") || same("HKCC") || same("HKCR") || same("HKCU") || same("HKU");
  return cut ? Found{"key"} : Found{};
}

constexpr auto kMimePartProperties = sorted(props(
    text("body"), ref("body_raw_ref", kBodies), text("content_type"), text("content_disposition")));
constexpr std::array<Rule, 1> kMimePartRules{at_least_one("body", "body_raw_ref")};
constexpr Shape kMimePart{"6.6.2", kMimePartProperties, kMimePartRules};

constexpr std::array<Rule, 1> kNotEmpty{any_own()};
constexpr auto kRegistryValueProperties =
    sorted(props(text("name"), text("data"), one_of("data_type", kRegistryTypes)));
constexpr Shape kRegistryValue{"6.17.2", kRegistryValueProperties, kNotEmpty};

constexpr auto kX509ExtensionsProperties = sorted(
    props(text("basic_constraints"), text("name_constraints"), text("policy_constraints"),
          text("key_usage"), text("extended_key_usage"), text("subject_key_identifier"),
          text("authority_key_identifier"), text("subject_alternative_name"),
          text("issuer_alternative_name"), text("subject_directory_attributes"),
          text("crl_distribution_points"), text("inhibit_any_policy"),
          time("private_key_usage_period_not_before"), time("private_key_usage_period_not_after"),
          text("certificate_policies"), text("policy_mappings")));
constexpr Shape kX509Extensions{"6.18.2", kX509ExtensionsProperties, kNotEmpty};

constexpr auto kArtifact = observable(props(
    text("mime_type"), of(Kind::kBinary, "payload_bin"), text("url"), of(Kind::kHashes, "hashes"),
    one_of("encryption_algorithm", kEncryption), text("decryption_key")));
constexpr std::array<Rule, 3> kArtifactRules{exactly_one("payload_bin", "url"),
                                             needs("url", "hashes"),
                                             needs("decryption_key", "encryption_algorithm")};
constexpr auto kAutonomousSystem =
    observable(props(need(integer("number")), text("name"), text("rir")));
constexpr auto kDirectory =
    observable(props(need(text("path")), text("path_enc"), time("ctime"), time("mtime"),
                     time("atime"), list(ref("contains_refs", kFiles))));
constexpr auto kDomainName =
    observable(props(need(text("value")), list(ref("resolves_to_refs", kResolved))));
constexpr auto kEmailAddr = observable(
    props(need(text("value")), text("display_name"), ref("belongs_to_ref", kAccountOnly)));
constexpr auto kEmailMessage = observable(props(
    need(flag("is_multipart")), time("date"), text("content_type"), ref("from_ref", kEmailOnly),
    ref("sender_ref", kEmailOnly), list(ref("to_refs", kEmailOnly)),
    list(ref("cc_refs", kEmailOnly)), list(ref("bcc_refs", kEmailOnly)), text("message_id"),
    text("subject"), list(text("received_lines")),
    of(Kind::kDictionary, "additional_header_fields"), text("body"),
    list(embed("body_multipart", kMimePart)), ref("raw_email_ref", kArtifactOnly)));
constexpr std::array<Rule, 1> kEmailMessageRules{
    custom(body_matches_multipart,
           "body is for is_multipart false, body_multipart for is_multipart true")};
constexpr auto kFile =
    observable(props(of(Kind::kHashes, "hashes"), natural("size"), text("name"), text("name_enc"),
                     hex("magic_number_hex"), text("mime_type"), time("ctime"), time("mtime"),
                     time("atime"), ref("parent_directory_ref", kDirectoryOnly),
                     list(ref_to("contains_refs", kSco)), ref("content_ref", kArtifactOnly)));
constexpr std::array<Rule, 2> kFileRules{at_least_one("hashes", "name"), needs("name_enc", "name")};
constexpr auto kIp = observable(props(need(text("value")), list(ref("resolves_to_refs", kMacOnly)),
                                      list(ref("belongs_to_refs", kAsOnly))));
constexpr std::array<Rule, 1> kIpv4Rules{custom(ipv4_form, "not an IPv4 address or CIDR block")};
constexpr std::array<Rule, 1> kIpv6Rules{custom(ipv6_form, "not an IPv6 address or CIDR block")};
constexpr auto kValueOnly = observable(props(need(text("value"))));
constexpr std::array<Rule, 1> kMacRules{
    custom(mac_form, "not a lower-case, colon-delimited MAC-48 address")};
constexpr auto kMutex = observable(props(need(text("name"))));
constexpr auto kTraffic = observable(
    props(time("start"), time("end"), flag("is_active"), ref("src_ref", kEndpoints),
          ref("dst_ref", kEndpoints), ranged("src_port", 0, 65535), ranged("dst_port", 0, 65535),
          need(list(text("protocols"))), natural("src_byte_count"), natural("dst_byte_count"),
          natural("src_packets"), natural("dst_packets"), of(Kind::kDictionary, "ipfix"),
          ref("src_payload_ref", kArtifactOnly), ref("dst_payload_ref", kArtifactOnly),
          list(ref("encapsulates_refs", kTrafficOnly)), ref("encapsulated_by_ref", kTrafficOnly)));
constexpr std::array<Rule, 3> kTrafficRules{
    at_least_one("src_ref", "dst_ref"), not_before("start", "end"),
    custom(traffic_ended, "is_active must be false where end is given")};
constexpr auto kProcess =
    observable(props(flag("is_hidden"), integer("pid"), time("created_time"), text("cwd"),
                     text("command_line"), of(Kind::kDictionary, "environment_variables"),
                     list(ref("opened_connection_refs", kTrafficOnly)),
                     ref("creator_user_ref", kAccountOnly), ref("image_ref", kFileOnly),
                     ref("parent_ref", kProcessOnly), list(ref("child_refs", kProcessOnly))));
constexpr std::array<Rule, 1> kProcessRules{any_own("extensions")};
constexpr auto kSoftware =
    observable(props(need(text("name")), text("cpe"), text("swid"),
                     list(of(Kind::kLanguage, "languages")), text("vendor"), text("version")));
constexpr auto kUserAccount = observable(
    props(text("user_id"), text("credential"), text("account_login"), text("account_type"),
          text("display_name"), flag("is_service_account"), flag("is_privileged"),
          flag("can_escalate_privs"), flag("is_disabled"), time("account_created"),
          time("account_expires"), time("credential_last_changed"), time("account_first_login"),
          time("account_last_login")));
constexpr std::array<Rule, 1> kUserAccountRules{any_own("extensions")};
constexpr auto kRegistryKey =
    observable(props(text("key"), list(embed("values", kRegistryValue)), time("modified_time"),
                     ref("creator_user_ref", kAccountOnly), integer("number_of_subkeys")));
constexpr std::array<Rule, 2> kRegistryKeyRules{
    any_own(), custom(hive_is_expanded, "the hive must be written in full")};
constexpr auto kX509 = observable(
    props(flag("is_self_signed"), of(Kind::kHashes, "hashes"), text("version"),
          text("serial_number"), text("signature_algorithm"), text("issuer"),
          time("validity_not_before"), time("validity_not_after"), text("subject"),
          text("subject_public_key_algorithm"), text("subject_public_key_modulus"),
          integer("subject_public_key_exponent"), embed("x509_v3_extensions", kX509Extensions)));

constexpr std::array<Rule, 1> kDirectoryRules{needs("path_enc", "path")};

// ID Contributing Properties, in the order RFC 8785 writes them.
constexpr std::array<string_view, 2> kArtifactId{"hashes", "payload_bin"};
constexpr std::array<string_view, 1> kNumberId{"number"};
constexpr std::array<string_view, 1> kPathId{"path"};
constexpr std::array<string_view, 1> kValueId{"value"};
constexpr std::array<string_view, 1> kNameId{"name"};
constexpr std::array<string_view, 3> kEmailMessageId{"body", "from_ref", "subject"};
constexpr std::array<string_view, 4> kFileId{"extensions", "hashes", "name",
                                             "parent_directory_ref"};
constexpr std::array<string_view, 8> kTrafficId{"dst_port",  "dst_ref",  "end",     "extensions",
                                                "protocols", "src_port", "src_ref", "start"};
constexpr std::array<string_view, 5> kSoftwareId{"cpe", "name", "swid", "vendor", "version"};
constexpr std::array<string_view, 3> kUserAccountId{"account_login", "account_type", "user_id"};
constexpr std::array<string_view, 2> kRegistryKeyId{"key", "values"};
constexpr std::array<string_view, 2> kX509Id{"hashes", "serial_number"};

constexpr Class kO = Class::kObservable;

// Not constexpr: the extensions of another file are only known when the program starts.
Type const kTypes[] = {
    {"artifact", kO, {"6.1", kArtifact, kArtifactRules}, kArtifactId},
    {"autonomous-system", kO, {"6.2", kAutonomousSystem}, kNumberId},
    {"directory", kO, {"6.3", kDirectory, kDirectoryRules}, kPathId},
    {"domain-name", kO, {"6.4", kDomainName}, kValueId},
    {"email-addr", kO, {"6.5", kEmailAddr}, kValueId},
    {"email-message", kO, {"6.6", kEmailMessage, kEmailMessageRules}, kEmailMessageId},
    {"file", kO, {"6.7", kFile, kFileRules}, kFileId, file_extensions()},
    {"ipv4-addr", kO, {"6.8", kIp, kIpv4Rules}, kValueId},
    {"ipv6-addr", kO, {"6.9", kIp, kIpv6Rules}, kValueId},
    {"mac-addr", kO, {"6.10", kValueOnly, kMacRules}, kValueId},
    {"mutex", kO, {"6.11", kMutex}, kNameId},
    {"network-traffic", kO, {"6.12", kTraffic, kTrafficRules}, kTrafficId, network_extensions()},
    {"process", kO, {"6.13", kProcess, kProcessRules}, {}, process_extensions()},
    {"software", kO, {"6.14", kSoftware}, kSoftwareId},
    {"url", kO, {"6.15", kValueOnly}, kValueId},
    {"user-account",
     kO,
     {"6.16", kUserAccount, kUserAccountRules},
     kUserAccountId,
     account_extensions()},
    {"windows-registry-key", kO, {"6.17", kRegistryKey, kRegistryKeyRules}, kRegistryKeyId},
    {"x509-certificate", kO, {"6.18", kX509, kNotEmpty}, kX509Id},
};

}  // namespace

std::span<Type const> observable_types() {
  return kTypes;
}

}  // namespace amic::stix::internal
