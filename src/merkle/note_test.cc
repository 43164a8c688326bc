#include "merkle/note.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include "base/limits.h"
#include "base/random.h"
#include "codec/codec.h"

namespace amic::merkle {
namespace {

// C2SP signed-note, "Verifier keys", example.
constexpr char kSpecVkey[] =
    "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
constexpr char kSpecNote[] =
    "This is an example message.\n\n— example.com/foo "
    "Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM="
    "\n";
// golang.org/x/mod/sumdb/note, package documentation: the key pair and the note it signs.
constexpr char kGoVkey[] = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
constexpr char kGoSecret[] = "AYEKFALVFGyNhPJEMzD1QIDr+Y7hfZx09iUvxdXHKDFz";
constexpr char kGoText[] =
    "If you think cryptography is the answer to your problem,\n"
    "then you don't know what your problem is.\n";
constexpr char kGoSignature[] =
    "— PeterNeumann "
    "x08go/ZJkuBS9UG/"
    "SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";
// A checkpoint of a public Certificate Transparency log with the cosignatures of public witnesses.
constexpr char kPublicNote[] =
    "arche2025h1.staging.ct.transparency.dev\n1432088532\n"
    "U7WM79jrzyhGZ5/GUBTpM7NzwdyfFx61t3RovgcC4Ro=\n\n"
    "— arche2025h1.staging.ct.transparency.dev "
    "zTM8sQAAAZ5W0WdjBAMARjBEAiBjW5IQf9pvsYLfQFX6hoGREPMHbdQ3urbllzalApkptQIgIpwtEroeW2BXaHAI4kJXFb"
    "on"
    "5Ch9MNL5zRNZ55lvGt0=\n"
    "— arche2025h1.staging.ct.transparency.dev "
    "ui8GwCF1+kWqZrxGdhj4aX3gcw7XUlXQQabg/27lefwhUkzbC3NygNI75MdhL1bfTW9g8Ei59RA23oHP7Ry1k3ZFWwQ=\n"
    "— transparency.dev/DEV:witness-little-garden "
    "2AQqhwAAAABqEiEgzgFIqqhbUoDwjMWE6UP8nd8/"
    "KYTzwZ2rhIgcqoXHAwVkjZr4AscylP3v7sEodkRAErumC2q44vdgJY096"
    "st5BQ==\n"
    "— witness1.smartit.nu/witness1 "
    "pIyCDwAAAABqEiEghIp82KWebrw7/oHQwlTAm3g2RKS4+eebl8eO0WH+/"
    "iEcxZ75W3u5hNI7TOQtmJbqmNWVuE0tgh0XwzdZs"
    "DsUAQ==\n"
    "— remora.n621.de "
    "2net5wAAAABqEiEgPlfF3V06o0Y+fHM+J5J9s27wgxxcOVSpZ/2g/KSiXCg9DEZI+aVCIobWX9sXTynk5XeU/"
    "zZ0WBxtqB0Dr"
    "AWfBw==\n"
    "— witness.stagemole.eu "
    "Z/euoAAAAABqEiEgw0i+7g2ENfDAWHmtRzCfKTHSDwYDJA2NmKeGi9Y8FtEyOUvVr+AJmIY/"
    "2TUFucgKi7lI7cUiOvKFYe/Tm"
    "N9DAg==\n";
constexpr char const* kPublicVkeys[] = {
    "arche2025h1.staging.ct.transparency.dev+ba2f06c0+"
    "AU0vHmlGCS/PdN8b2OaGmKprLI8HKM+dJ472xgFYh15f",
    "transparency.dev/DEV:witness-little-garden+d8042a87+"
    "BCtusOxINQNUTN5Oj8HObRkh2yHf/MwYaGX4CPdiVEPM",
    "witness1.smartit.nu/witness1+a48c820f+BPSFWg9G6KPiO7QPryYO5Xq4oYJJ+kAvLKLSimDhoxMO",
    "remora.n621.de+da77ade7+BOvN63jn/bLvkieywe8R6UYAtVtNbZpXh34x7onlmtw2",
    "witness.stagemole.eu+67f7aea0+BEqSG3yu9YrmcM3BHvQYTxwFj3uSWakQepafafpUqklv"};

crypto::SigningKey test_key(std::uint8_t fill) {
  return *crypto::SigningKey::from_seed(Bytes(32, fill));
}

NoteVerifier verifier_of(std::string name, NoteKeyType type, crypto::SigningKey const& key) {
  return {std::move(name), type, key.verify_key()};
}

TEST(Note, SpecificationExampleVerifies) {
  auto const vkey = parse_vkey(kSpecVkey);
  ASSERT_TRUE(vkey) << vkey.error().text();
  EXPECT_EQ(vkey->name, "example.com/foo");
  EXPECT_EQ(vkey->key_id(), 0x530d903au);
  EXPECT_EQ(vkey->vkey(), kSpecVkey);
  auto note = parse_note(kSpecNote);
  ASSERT_TRUE(note) << note.error().text();
  EXPECT_EQ(note->text, "This is an example message.\n");
  EXPECT_EQ(format_note(*note), kSpecNote);
  auto const signers = verify_note(*note, {*vkey});
  ASSERT_TRUE(signers) << signers.error().text();
  ASSERT_EQ(signers->size(), 1u);
  EXPECT_FALSE(signers->front().cosigned_at_s);
  note->text[0] = 't';
  EXPECT_EQ(verify_note(*note, {*vkey}).error().code, Code::kBadSignature);
}

TEST(Note, SigningReproducesTheGoNote) {
  auto const seed = *codec::from_base64(kGoSecret);
  auto const key = crypto::SigningKey::from_seed(BytesView(seed).subspan(1));
  ASSERT_TRUE(key);
  auto const signature = sign_note(kGoText, "PeterNeumann", *key);
  EXPECT_EQ(format_signature(signature), kGoSignature);
  EXPECT_EQ(verifier_of("PeterNeumann", NoteKeyType::kEd25519, *key).vkey(), kGoVkey);
  auto const note = parse_note(std::string(kGoText) + "\n" + kGoSignature);
  ASSERT_TRUE(note);
  EXPECT_TRUE(verify_note(*note, {*parse_vkey(kGoVkey)}));
}

TEST(Note, PublicCheckpointWithCosignaturesVerifies) {
  std::vector<NoteVerifier> known;
  for (char const* const text : kPublicVkeys) {
    auto const vkey = parse_vkey(text);
    ASSERT_TRUE(vkey) << text << ": " << vkey.error().text();
    EXPECT_EQ(vkey->vkey(), text);
    known.push_back(*vkey);
  }
  auto note = parse_note(kPublicNote);
  ASSERT_TRUE(note) << note.error().text();
  EXPECT_EQ(format_note(*note), kPublicNote);
  auto const checkpoint = parse_checkpoint_text(note->text);
  ASSERT_TRUE(checkpoint);
  EXPECT_EQ(checkpoint->size, 1432088532u);
  EXPECT_EQ(checkpoint_text(*checkpoint), note->text);
  auto const signers = verify_note(*note, known);
  ASSERT_TRUE(signers) << signers.error().text();
  ASSERT_EQ(signers->size(), 5u);
  EXPECT_EQ(signers->at(3).name, "remora.n621.de");
  EXPECT_EQ(signers->at(3).cosigned_at_s, 0x6a122120);
  for (std::size_t i = 2; i < 6; ++i) {  // a cosignature covers its time and the text
    Note changed = *note;
    changed.signatures[i].blob[7] ^= 1;
    EXPECT_FALSE(verify_note(changed, known)) << i;
  }
}

TEST(Note, UnknownKeysAreIgnoredKnownOnesMustVerify) {
  auto const a = test_key(1);
  auto const b = test_key(2);
  std::string const text = "text\n";
  Note note{text, {sign_note(text, "a", a), sign_note(text, "b", b)}};
  auto const known_a = verifier_of("a", NoteKeyType::kEd25519, a);
  auto const known_b = verifier_of("b", NoteKeyType::kEd25519, b);
  EXPECT_EQ(verify_note(note, {known_a, known_b})->size(), 2u);
  note.signatures[1].blob[0] ^= 1;
  EXPECT_EQ(verify_note(note, {known_a})->size(), 1u);
  EXPECT_EQ(verify_note(note, {known_a, known_b}).error().code, Code::kBadSignature);
  // Same name and other id, or same id and other name: unknown.
  note.signatures[1].key_id ^= 1;
  EXPECT_EQ(verify_note(note, {known_a, known_b})->size(), 1u);
  EXPECT_EQ(verify_note(note, {known_b}).error().code, Code::kBadSignature);
  EXPECT_EQ(verify_note(note, {}).error().code, Code::kBadSignature);
}

TEST(Note, OneKeyCountsOnce) {
  auto const key = test_key(1);
  std::string const text = "text\n";
  Note const note{text, {sign_note(text, "a", key), sign_note(text, "a", key)}};
  EXPECT_EQ(verify_note(note, {verifier_of("a", NoteKeyType::kEd25519, key)})->size(), 1u);
}

TEST(Note, TypesDoNotStandInForEachOther) {
  auto const key = test_key(1);
  std::string const text = "o\n0\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
  Note note{text, {cosign(text, "w", 1700000000, key)}};
  auto const cosigner = verifier_of("w", NoteKeyType::kCosignatureV1, key);
  EXPECT_EQ(verify_note(note, {cosigner})->front().cosigned_at_s, 1700000000);
  auto const plain = verifier_of("w", NoteKeyType::kEd25519, key);
  EXPECT_NE(plain.key_id(), cosigner.key_id());
  note.signatures[0].key_id = plain.key_id();
  EXPECT_FALSE(verify_note(note, {plain}));
  note.signatures = {sign_note(text, "w", key)};
  note.signatures[0].key_id = cosigner.key_id();
  EXPECT_FALSE(verify_note(note, {cosigner}));
}

TEST(Note, RefusesMalformedNotes) {
  std::string const line = kGoSignature;
  for (std::string const& bad :
       std::vector<std::string>{std::string(),
                                std::string("\n"),
                                std::string("\n\n"),
                                std::string("text\n\n"),
                                "text" + line,
                                "text\n" + line,
                                "text\n\n" + line.substr(0, line.size() - 1),
                                "text\n\n" + line + "more\n",
                                "text\r\n\n" + line,
                                "te\txt\n\n" + line,
                                std::string("te\0xt\n\n", 7) + line,
                                "te\xff\n\n" + line,
                                "text\n\n-" + line.substr(3),
                                "text\n\n— Peter Neumann x08go/ZJkuBS\n",
                                "text\n\n— a+b x08go/ZJkuBS\n",
                                "text\n\n—  x08go/ZJkuBS\n",
                                "text\n\n— a\u00a0b x08go/ZJkuBS\n",
                                "text\n\n— a x08go\n",
                                "text\n\n— a x08goA==\n",
                                "text\n\n— a  x08go/ZJkuBS\n",
                                "text\n\n— a x08go/ZJkuBS \n",
                                "text\n\n— a x08go/ZJkuB=\n",
                                "text\n\n— a\n"}) {
    EXPECT_FALSE(parse_note(bad)) << bad;
  }
  // The last empty line separates; the text may hold others.
  EXPECT_EQ(parse_note("a\n\nb\n\n" + line)->text, "a\n\nb\n");
}

TEST(Note, LimitsHold) {
  std::string note = "text\n\n";
  for (std::size_t i = 0; i < limits::kNoteSignaturesMax; ++i) note += kGoSignature;
  EXPECT_EQ(parse_note(note)->signatures.size(), limits::kNoteSignaturesMax);
  EXPECT_EQ(parse_note(note + kGoSignature).error().code, Code::kTooLarge);
  std::string const large(limits::kNoteBytesMax, 'a');
  EXPECT_EQ(parse_note(large + "\n\n" + kGoSignature).error().code, Code::kTooLarge);
  EXPECT_EQ(parse_signatures(kGoSignature)->size(), 1u);
  EXPECT_FALSE(parse_signatures(""));
  EXPECT_FALSE(parse_signatures(std::string(kGoSignature) + "\n"));
}

TEST(Vkey, RefusesWhatDoesNotBelongTogether) {
  for (char const* const bad :
       {"", "a", "a+b", "a+530d903a+", "+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903b+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/fop+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530D903A+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k",
        "example.com/foo+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k=",
        "example com+530d903a+AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k"}) {
    EXPECT_FALSE(parse_vkey(bad)) << bad;
  }
  Bytes material(33, 0);
  material[0] = 6;
  EXPECT_EQ(parse_vkey("a+00000000+" + codec::to_base64(material)).error().code,
            Code::kUnsupported);
}

TEST(Checkpoint, StrictAboutEveryLine) {
  std::string const root = "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=\n";
  EXPECT_EQ(parse_checkpoint_text("o\n0\n" + root)->size, 0u);
  EXPECT_EQ(parse_checkpoint_text("o\n18446744073709551615\n" + root)->size, UINT64_MAX);
  for (std::string const& bad : std::vector<std::string>{
           std::string(), std::string("o\n"), "\n1\n" + root, "o\n01\n" + root, "o\n+1\n" + root,
           "o\n\n" + root, "o\n18446744073709551616\n" + root, "o\n-1\n" + root, "o\n0x1\n" + root,
           "o\n1\n" + root.substr(1), "o\n1\n" + root + "ext\n", "o\n1\n" + root + "\n",
           "o\n1\n" + root.substr(0, root.size() - 1),
           std::string("o\n1\n47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFV=\n"), "o\n1 \n" + root}) {
    EXPECT_FALSE(parse_checkpoint_text(bad)) << bad;
  }
}

TEST(ProofFile, RoundTripAndRefusals) {
  ProofFile proof;
  proof.index = 12;
  proof.path = {Hash{}, *Hash::from(Bytes(32, 7))};
  proof.checkpoint_note = kPublicNote;
  std::string const plain = format_proof(proof);
  auto back = parse_proof(plain);
  ASSERT_TRUE(back) << back.error().text();
  EXPECT_EQ(back->index, 12u);
  EXPECT_EQ(back->path, proof.path);
  EXPECT_EQ(back->checkpoint_note, kPublicNote);
  EXPECT_FALSE(back->extra);
  proof.extra = to_bytes("more");
  EXPECT_EQ(parse_proof(format_proof(proof))->extra, proof.extra);

  std::string const tail = "\n" + std::string(kPublicNote);
  std::string const magic = "c2sp.org/tlog-proof@v1\n";
  EXPECT_TRUE(parse_proof(magic + "index 0\n" + tail));
  for (std::string const& bad : std::vector<std::string>{
           std::string(), magic, magic + "index 0\n", magic + "index 0" + tail,
           magic + "index 00\n" + tail, magic + "Index 0\n" + tail, magic + tail,
           magic + "index 0\nAAAA\n" + tail, magic + "index 0\n\n",
           magic + "extra \x01\nindex 0\n" + tail, magic + "index 0\nextra AAAA\n" + tail,
           "c2sp.org/tlog-proof@v2\nindex 0\n" + tail}) {
    EXPECT_FALSE(parse_proof(bad)) << bad;
  }
  proof.path.assign(65, Hash{});
  EXPECT_EQ(parse_proof(format_proof(proof)).error().code, Code::kTooLarge);
}

// The request of C2SP tlog-witness, "add-checkpoint" (its signatures are shortened keys of no
// note).
TEST(AddCheckpoint, SpecificationExampleParses) {
  std::string const body =
      "old 20852014\nPlRNCrwHpqhGrupue0L7gxbjbMiKA9temvuZZDDpkaw=\n"
      "jrJZDmY8Y7SyJE0MWLpLozkIVMSMZcD5kvuKxPC3swk=\n"
      "5+pKlUdi2LeF/BcMHBn+Ku6yhPGNCswZZD1X/6QgPd8=\n"
      "/6WVhPs2CwSsb5rYBH5cjHV/wSmA79abXAwhXw3Kj/0=\n\n"
      "example.com/behind-the-sofa\n20852163\nCsUYapGGPo4dkMgIAUqom/Xajj7h2fB2MPA3j2jxq2I=\n\n"
      "— example.com/behind-the-sofa "
      "Az3grlgtzPICa5OS8npVmf1Myq/5IZniMp+ZJurmRDeOoRDe4URYN7u5/"
      "Zhcyv2q1gGzGku9nTo+zyWE+xeMcTOAYQ8=\n";
  auto const request = parse_add_checkpoint(body);
  ASSERT_TRUE(request) << request.error().text();
  EXPECT_EQ(request->old_size, 20852014u);
  EXPECT_EQ(request->consistency.size(), 4u);
  EXPECT_EQ(format_add_checkpoint(*request), body);
  EXPECT_EQ(parse_checkpoint_text(parse_note(request->checkpoint_note)->text)->size, 20852163u);

  AddCheckpoint many = *request;
  many.consistency.assign(63, Hash{});
  EXPECT_TRUE(parse_add_checkpoint(format_add_checkpoint(many)));
  many.consistency.assign(64, Hash{});
  EXPECT_EQ(parse_add_checkpoint(format_add_checkpoint(many)).error().code, Code::kTooLarge);
  for (std::string const& bad :
       std::vector<std::string>{std::string(), body.substr(1), "old 07" + body.substr(12),
                                body.substr(0, 60), "old  1" + body.substr(12)}) {
    EXPECT_FALSE(parse_add_checkpoint(bad)) << bad;
  }
}

RC_GTEST_PROP(Note, RoundTripOfAnySignedText, (std::string const& raw, std::uint8_t fill)) {
  std::string text;
  for (char const c : raw) text += static_cast<char>('a' + static_cast<unsigned char>(c) % 26);
  text += "\n";
  auto const key = test_key(fill);
  Note const note{text, {sign_note(text, "n", key), cosign(text, "w", fill, key)}};
  auto const back = parse_note(format_note(note));
  RC_ASSERT(back.has_value());
  auto const signers = verify_note(*back, {verifier_of("n", NoteKeyType::kEd25519, key),
                                           verifier_of("w", NoteKeyType::kCosignatureV1, key)});
  RC_ASSERT(signers.has_value() && signers->size() == 2);
  RC_ASSERT(signers->at(1).cosigned_at_s == std::int64_t{fill});
}

}  // namespace
}  // namespace amic::merkle
