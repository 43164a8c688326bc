#include "merkle/note.h"

#include <algorithm>
#include <array>

#include "base/limits.h"
#include "codec/codec.h"
#include "crypto/hash.h"
#include "merkle/text.h"

namespace amic::merkle {

namespace {

constexpr std::string_view kDash = "\u2014 ";
constexpr std::size_t kKeyIdBytes = 4;
constexpr std::size_t kTimeBytes = 8;

std::uint32_t key_id_of(std::string_view name, NoteKeyType type, crypto::VerifyKey const& key) {
  std::uint8_t const separator[2] = {'\n', static_cast<std::uint8_t>(type)};
  Hash const hash = crypto::sha256({as_bytes(name), BytesView(separator), key.view()});
  return codec::Reader(hash.view(), "note.key id").u32();
}

std::string cosigned_message(std::string_view text, std::uint64_t seconds) {
  std::string out = "cosignature/v1\ntime " + std::to_string(seconds) + "\n";
  return out.append(text);
}

Result<NoteSignature> parse_signature_line(std::string_view line, std::string const& where) {
  if (!line.starts_with(kDash)) return fail(Code::kMalformed, where, "not a signature line");
  line.remove_prefix(kDash.size());
  std::size_t const space = line.find(' ');
  if (space == std::string_view::npos) return fail(Code::kMalformed, where, "no signature");
  std::string_view const name = line.substr(0, space);
  if (!internal::is_key_name(name)) return fail(Code::kMalformed, where, "bad key name");
  auto const bytes = internal::parse_base64(line.substr(space + 1));
  if (!bytes || bytes->size() <= kKeyIdBytes) return fail(Code::kMalformed, where, "bad base64");
  codec::Reader reader(*bytes, "note.signature");
  NoteSignature out;
  out.name = name;
  out.key_id = reader.u32();
  out.blob = to_bytes(reader.rest());
  return out;
}

Result<std::vector<NoteSignature>> parse_lines(internal::Lines& lines) {
  std::vector<NoteSignature> out;
  while (auto const line = lines.next()) {
    std::string const where = lines.where("note");
    if (out.size() == limits::kNoteSignaturesMax) {
      return fail(Code::kTooLarge, where, "too many signatures");
    }
    AMIC_TRY(NoteSignature signature, parse_signature_line(*line, where));
    out.push_back(std::move(signature));
  }
  if (!lines.rest().empty()) return fail(Code::kMalformed, "note", "last line has no newline");
  if (out.empty()) return fail(Code::kMalformed, "note", "no signature");
  return out;
}

// Signature over `text` by this key; the time of a cosignature in `seconds`.
bool verify_one(NoteVerifier const& verifier, std::string_view text, BytesView blob,
                std::optional<std::int64_t>& seconds) {
  if (verifier.type == NoteKeyType::kEd25519) {
    auto const signature = crypto::Signature::from(blob);
    return signature && crypto::verify(verifier.key, as_bytes(text), *signature);
  }
  if (blob.size() != kTimeBytes + crypto::Signature::kSize) return false;
  std::uint64_t const time = codec::Reader(blob, "cosignature").u64();
  if (time > static_cast<std::uint64_t>(INT64_MAX)) return false;
  auto const signature = crypto::Signature::from(blob.subspan(kTimeBytes));
  seconds = static_cast<std::int64_t>(time);
  return crypto::verify(verifier.key, as_bytes(cosigned_message(text, time)), *signature);
}

std::string id_hex(std::uint32_t key_id) {
  return codec::to_hex(codec::Writer().u32(key_id).bytes());
}

}  // namespace

std::uint32_t NoteVerifier::key_id() const {
  return key_id_of(name, type, key);
}

std::string NoteVerifier::vkey() const {
  Bytes const material = codec::Writer().u8(static_cast<std::uint8_t>(type)).raw(key.view()).take();
  return name + "+" + id_hex(key_id()) + "+" + codec::to_base64(material);
}

Result<NoteVerifier> parse_vkey(std::string_view vkey) {
  auto const bad = [](char const* detail) { return fail(Code::kMalformed, "vkey", detail); };
  // The base64 may hold a '+' of its own: only the first two separate.
  std::size_t const first = vkey.find('+');
  std::size_t const second = first == std::string_view::npos ? first : vkey.find('+', first + 1);
  if (second == std::string_view::npos) return bad("not name+id+key");
  std::string_view const name = vkey.substr(0, first);
  if (!internal::is_key_name(name)) return bad("bad key name");
  std::string_view const base64 = vkey.substr(second + 1);
  constexpr std::size_t kBase64OfKeyMax = 4096;
  if (base64.size() > kBase64OfKeyMax) return bad("key is too long");
  auto const material = internal::parse_base64(base64);
  if (!material || material->empty()) return bad("bad base64");
  NoteVerifier out;
  out.name = name;
  std::uint8_t const type = material->front();
  if (type != static_cast<std::uint8_t>(NoteKeyType::kEd25519) &&
      type != static_cast<std::uint8_t>(NoteKeyType::kCosignatureV1)) {
    return fail(Code::kUnsupported, "vkey", "signature type " + std::to_string(type));
  }
  out.type = static_cast<NoteKeyType>(type);
  auto const key = crypto::VerifyKey::from(BytesView(*material).subspan(1));
  if (!key) return bad("key is not 32 bytes");
  out.key = *key;
  if (vkey.substr(first + 1, second - first - 1) != id_hex(out.key_id())) {
    return bad("key id does not belong to the name and key");
  }
  return out;
}

std::string format_signature(NoteSignature const& signature) {
  Bytes const bytes = codec::Writer().u32(signature.key_id).raw(signature.blob).take();
  return std::string(kDash) + signature.name + " " + codec::to_base64(bytes) + "\n";
}

std::string format_note(Note const& note) {
  std::string out = note.text + "\n";
  for (NoteSignature const& signature : note.signatures) out += format_signature(signature);
  return out;
}

Result<std::vector<NoteSignature>> parse_signatures(std::string_view text) {
  if (text.size() > limits::kNoteBytesMax) return fail(Code::kTooLarge, "note", "too long");
  internal::Lines lines(text);
  return parse_lines(lines);
}

Result<Note> parse_note(std::string_view bytes) {
  if (bytes.size() > limits::kNoteBytesMax) return fail(Code::kTooLarge, "note", "too long");
  if (!codec::is_utf8(bytes)) return fail(Code::kBadUtf8, "note", "not UTF-8");
  auto const is_control = [](char c) { return static_cast<unsigned char>(c) < 0x20 && c != '\n'; };
  if (std::any_of(bytes.begin(), bytes.end(), is_control)) {
    return fail(Code::kMalformed, "note", "control character");
  }
  // The text may hold empty lines; the last one separates.
  std::size_t const split = bytes.rfind("\n\n");
  if (split == std::string_view::npos) return fail(Code::kMalformed, "note", "no empty line");
  Note note;
  note.text = bytes.substr(0, split + 1);
  internal::Lines lines(bytes.substr(split + 2));
  AMIC_TRY(note.signatures, parse_lines(lines));
  return note;
}

NoteSignature sign_note(std::string_view text, std::string_view name,
                        crypto::SigningKey const& key) {
  NoteSignature out;
  out.name = name;
  out.key_id = key_id_of(name, NoteKeyType::kEd25519, key.verify_key());
  out.blob = to_bytes(key.sign(as_bytes(text)).view());
  return out;
}

NoteSignature cosign(std::string_view checkpoint_text, std::string_view name,
                     std::int64_t unix_seconds, crypto::SigningKey const& key) {
  // A clock before 1970 is signed as 0: the format has no negative time.
  auto const seconds = static_cast<std::uint64_t>(std::max<std::int64_t>(0, unix_seconds));
  NoteSignature out;
  out.name = name;
  out.key_id = key_id_of(name, NoteKeyType::kCosignatureV1, key.verify_key());
  crypto::Signature const signature =
      key.sign(as_bytes(cosigned_message(checkpoint_text, seconds)));
  out.blob = codec::Writer().u64(seconds).raw(signature.view()).take();
  return out;
}

Result<std::vector<VerifiedSigner>> verify_note(Note const& note,
                                                std::vector<NoteVerifier> const& known) {
  std::vector<std::uint32_t> ids;
  for (NoteVerifier const& verifier : known) ids.push_back(verifier.key_id());
  std::vector<VerifiedSigner> out;
  std::vector<bool> seen(known.size());
  for (NoteSignature const& signature : note.signatures) {
    for (std::size_t i = 0; i < known.size(); ++i) {
      if (ids[i] != signature.key_id || known[i].name != signature.name) continue;
      VerifiedSigner signer{signature.name, std::nullopt};
      if (!verify_one(known[i], note.text, signature.blob, signer.cosigned_at_s)) {
        return fail(Code::kBadSignature, "note", "signature of " + signature.name + " is wrong");
      }
      if (!seen[i]) out.push_back(std::move(signer));
      seen[i] = true;
      break;
    }
  }
  if (out.empty()) return fail(Code::kBadSignature, "note", "no known signer");
  return out;
}

}  // namespace amic::merkle
