#!/usr/bin/env bash
# The launch ceremony of three members by files alone, with and without passphrases, and everything
# that it must refuse. Usage: ceremony.sh PATH_TO_AMIC
set -euo pipefail

if [[ $# -ne 1 || ! -x $1 ]]; then
  echo "usage: $0 PATH_TO_AMIC" >&2
  exit 2
fi
amic=$(realpath "$1")
source_dir=$(cd "$(dirname "$0")/../.." && pwd)
work=$(mktemp -d)
trap 'chmod -R u+rwx "$work" 2>/dev/null || true; rm -rf "$work"' EXIT
cd "$work"
checks=0

pass() {
  checks=$((checks + 1))
  echo "PASS: $1"
}
die() {
  echo "FAIL: $1" >&2
  [[ ! -s err ]] || sed 's/^/  stderr: /' err >&2
  exit 1
}
# ok NAME COMMAND... : must exit with 0.
ok() {
  local name=$1
  shift
  "$@" >out 2>err || die "$name (exit code $?)"
  pass "$name"
}
# refused NAME EXIT TEXT COMMAND... : must exit with EXIT and say TEXT on stderr.
refused() {
  local name=$1 exit_code=$2 text=$3 got=0
  shift 3
  "$@" >out 2>err || got=$?
  [[ $got -eq $exit_code ]] || die "$name (exit code $got, not $exit_code)"
  grep -qF -- "$text" err || die "$name (stderr lacks: $text)"
  pass "$name"
}
absent() { [[ ! -e $1 ]] || die "$1 was written"; }

# --- nodes and cards -------------------------------------------------------------------------
(umask 077 && echo "correct horse" >my.pass && echo "battery staple" >sg.pass && echo "wrong" >bad.pass)
declare -A english=([BN]="Brunei Darussalam" [MY]="Malaysia" [SG]="Singapore")
declare -A link_port=([BN]=7501 [MY]=7502 [SG]=7503)
init() { # DIR MEMBER OPTIONS...
  local dir=$1 member=$2
  shift 2
  "$amic" node init --dir "$dir" --member "$member" --name "${english[$member]}" \
    --link-listen "127.0.0.1:${link_port[$member]}" "$@"
}
ok "init with a passphrase from a file" init my MY --passphrase-from file:my.pass
AMIC_TEST_PASS="battery staple" ok "init with a passphrase from the environment" \
  init sg SG --passphrase-from env:AMIC_TEST_PASS
ok "init without protection" init bn BN --unprotected
grep -q "UNPROTECTED" err || die "no loud warning"
pass "init without protection warns"

for file in my/config.toml my/card.txt my/keys/{lock,root.key,governance.key,node.key,log.key,cosigner.key,sealing.key,tls.key}; do
  [[ $(stat -c %a "$file") == 600 ]] || die "$file is not private"
done
[[ $(stat -c %a my) == 700 ]] || die "my is not private"
pass "directory and files are private"
if grep -rqF "correct horse" my; then die "the passphrase is in the data directory"; fi
pass "the passphrase is stored nowhere"

before=$(cd my && find . -type f -exec sha256sum {} + | sort)
refused "second init" 1 "conflict" init my MY --passphrase-from file:my.pass
[[ $before == "$(cd my && find . -type f -exec sha256sum {} + | sort)" ]] || die "second init changed files"
pass "second init changes nothing"
refused "init without saying how keys are protected" 2 "usage" init xx BN
absent xx
refused "init with a bad member name" 1 "malformed" \
  "$amic" node init --dir xx --member my --name x --unprotected
absent xx
refused "init where peers can't dial" 2 "--link-address" \
  "$amic" node init --dir xx --member MY --name x --unprotected --link-listen 0.0.0.0:7443
absent xx
refused "init below a missing directory" 1 "not_found" init none/xx BN --unprotected
refused "unknown option" 2 "usage" "$amic" node init --colour blue
refused "no command" 2 "usage" "$amic"

# root may write anywhere, so the check runs as another user then.
mkdir -m 755 readonly && chmod 555 readonly
as_user=()
runner=$amic
if [[ $(id -u) -eq 0 ]]; then
  as_user=(setpriv --reuid=65534 --regid=65534 --clear-groups)
  chmod 711 "$work"
  cp "$amic" "$work/amic-copy" && chmod 755 "$work/amic-copy"
  runner=$work/amic-copy
fi
refused "init in a read-only directory" 1 "read_only" "${as_user[@]}" "$runner" node init \
  --dir "$work/readonly/xx" --member MY --name Malaysia --unprotected
absent readonly/xx
rm -f "$work/amic-copy"
chmod 700 "$work"

for member in BN MY SG; do
  dir=${member,,}
  ok "card of $member" "$amic" card show --dir "$dir" --out "$member-card.txt"
done
ok "cards verify" "$amic" card verify BN-card.txt MY-card.txt SG-card.txt
sed '4s/^......../AAAAAAAA/' MY-card.txt >altered-card.txt
refused "altered card" 1 "bad_signature at altered-card.txt" "$amic" card verify altered-card.txt
refused "a card is written over nothing" 1 "conflict" "$amic" card show --dir my --out MY-card.txt
ok "card as JSON" "$amic" card show --dir my --json
grep -q '"member":"MY"' out || die "JSON of the card"

# --- draft -------------------------------------------------------------------------------------
found() { # OUT CARDS...
  local out=$1
  shift
  "$amic" community found --name "Sample Community" --tor "$source_dir/data/templates/tor.md" \
    --sop "$source_dir/data/templates/sop.md" --out "$out" --card "$@"
}
ok "found" found draft.txt SG-card.txt BN-card.txt MY-card.txt
ok "show" "$amic" community show draft.txt
for text in "Sample Community" "Article 4. Decisions" "Article 5. Precedence and service times" "1. BN" "3. SG"; do
  grep -qF "$text" out || die "show lacks: $text"
done
pass "show names community, articles and members in chair order"
ok "show as JSON" "$amic" community show draft.txt --json
hash=$(sed -n 's/.*"hash":"\([0-9a-f]\{64\}\)".*/\1/p' out)
[[ ${#hash} -eq 64 ]] || die "no hash in the JSON"
refused "found with one member" 1 "out_of_range" found no.txt MY-card.txt
refused "found with a member twice" 1 "conflict" found no.txt MY-card.txt MY-card.txt
printf 'bad\r\n' >crlf.md
refused "found with a text of CRLF lines" 1 "line 1" "$amic" community found --name x --card MY-card.txt \
  BN-card.txt --tor crlf.md --sop "$source_dir/data/templates/sop.md" --out no.txt
absent no.txt

# --- presses -----------------------------------------------------------------------------------
press() { # DIR DRAFT HASH OUT OPTIONS...
  local dir=$1 draft=$2 read=$3 out=$4
  shift 4
  "$amic" community press --dir "$dir" --draft "$draft" --hash "$read" --out "$out" "$@"
}
wrong_hash=$(printf '%064d' 7)
refused "press with a wrong hash" 1 "conflict at hash" press my draft.txt "$wrong_hash" no.txt
refused "press with half a hash" 1 "malformed at hash" press my draft.txt "${hash:0:32}" no.txt
refused "press with a wrong passphrase" 1 "wrong_passphrase" press my draft.txt "$hash" no.txt \
  --passphrase-from file:bad.pass
chmod 644 bad.pass
refused "press with a passphrase file that all may read" 1 "forbidden" press my draft.txt "$hash" no.txt \
  --passphrase-from file:bad.pass
mv my/keys/governance.key aside.key
refused "press without the governance key" 1 "missing_key" press my draft.txt "$hash" no.txt
cp my/keys/node.key my/keys/governance.key
refused "press with another key in its place" 1 "amic: " press my draft.txt "$hash" no.txt
mv -f aside.key my/keys/governance.key
sed '20s/^..../AAAA/' draft.txt >altered-draft.txt
cmp -s draft.txt altered-draft.txt && die "the draft was not altered"
refused "press of an altered draft" 1 "altered-draft.txt" press my altered-draft.txt "$hash" no.txt
ok "found another draft" found other.txt BN-card.txt MY-card.txt
refused "press of a draft without this member" 1 "foreign_press" press sg other.txt \
  "$("$amic" community show other.txt --json | sed -n 's/.*"hash":"\([0-9a-f]*\)".*/\1/p')" no.txt \
  --passphrase-from file:sg.pass
absent no.txt
spaced=$(fold -w 8 <<<"${hash^^}" | paste -sd ' ')
ok "MY presses (passphrase of config.toml, hash as on paper)" press my draft.txt "$spaced" MY-press.txt
ok "SG presses (passphrase from a descriptor)" press sg draft.txt "$hash" SG-press.txt --passphrase-from fd:3 3<sg.pass
ok "BN presses (unprotected)" press bn draft.txt "$hash" BN-press.txt
grep -q "UNPROTECTED" err || die "no loud warning at the press"
pass "pressing with unprotected keys warns"

# --- launch ------------------------------------------------------------------------------------
launch() { # OUT PRESSES...
  local out=$1
  shift
  "$amic" community launch --draft draft.txt --out "$out" --press "$@"
}
refused "launch without one press" 1 "missing_press at BN: " launch no.txt MY-press.txt SG-press.txt
refused "launch without two presses names both" 1 "missing_press at BN,MY: " launch no.txt SG-press.txt
refused "launch with a press twice" 1 "double_press at SG: " launch no.txt {BN,MY,SG,SG}-press.txt
press bn other.txt "$("$amic" community show other.txt --json | sed -n 's/.*"hash":"\([0-9a-f]*\)".*/\1/p')" \
  BN-other-press.txt >out 2>err || die "press of the other draft"
refused "launch with a press of another draft" 1 "altered_press at BN: " launch no.txt BN-other-press.txt {MY,SG}-press.txt
"$amic" node init --dir xx --member XX --name Stranger --link-listen 127.0.0.1:7509 --unprotected >out 2>err
"$amic" card show --dir xx --out XX-card.txt >out
found strange.txt XX-card.txt MY-card.txt >out
press xx strange.txt "$("$amic" community show strange.txt --json | sed -n 's/.*"hash":"\([0-9a-f]*\)".*/\1/p')" \
  XX-press.txt >out 2>err
refused "launch with a foreign press" 1 "foreign_press at XX: " launch no.txt {BN,MY,SG,XX}-press.txt
refused "a refusal as JSON" 1 '"code":"missing_press"' launch no.txt MY-press.txt --json
absent no.txt
ok "launch" launch launch.txt {SG,BN,MY}-press.txt
ok "verify offline" "$amic" community verify launch.txt
sed '30s/^..../AAAA/' launch.txt >altered-launch.txt
refused "verify an altered transcript" 1 "altered-launch.txt" "$amic" community verify altered-launch.txt
head -n 40 launch.txt >cut-launch.txt
refused "verify a cut transcript" 1 "cut-launch.txt" "$amic" community verify cut-launch.txt

# --- join --------------------------------------------------------------------------------------
join() { # DIR TRANSCRIPT OPTIONS...
  local dir=$1 transcript=$2
  shift 2
  "$amic" community join --dir "$dir" --transcript "$transcript" "$@"
}
refused "status before joining" 1 "unknown_community" "$amic" community status --dir my
refused "join of a stranger" 1 "foreign_press" join xx launch.txt
refused "join by an altered transcript" 1 "altered-launch.txt" join my altered-launch.txt
chmod 600 bad.pass
refused "join with a wrong passphrase" 1 "wrong_passphrase" join my launch.txt --passphrase-from file:bad.pass
mv my/keys/tls.key aside.key
refused "join without a key" 1 "missing_key" join my launch.txt
mv aside.key my/keys/tls.key
mv my/keys/root.key root-offline.key
root=$PWD
cd / # the passphrase's file is found from anywhere
ok_from_elsewhere() {
  "$amic" community join --dir "$root/my" --transcript "$root/launch.txt" >"$root/out" 2>"$root/err"
}
ok_from_elsewhere || { cd "$root" && die "MY joins from another directory"; }
cd "$root"
pass "MY joins from another directory, its root key offline"
ok "SG joins" join sg launch.txt --passphrase-from file:sg.pass
ok "BN joins" join bn launch.txt
ok "joining again changes nothing" join bn launch.txt
press my strange.txt "$("$amic" community show strange.txt --json | sed -n 's/.*"hash":"\([0-9a-f]*\)".*/\1/p')" \
  MY-strange-press.txt >out 2>err || die "MY presses the other community"
"$amic" community launch --draft strange.txt --press XX-press.txt MY-strange-press.txt --out strange-launch.txt >out
refused "joining a second community" 1 "conflict" join my strange-launch.txt
ok "status" "$amic" community status --dir my --json
grep -q "\"community\":\"$hash\"" out || die "the community is not the hash that was pressed"
pass "the community's identifier is the hash that was pressed"
ok "export of the transcript" "$amic" community export --dir sg --out exported.txt
cmp launch.txt exported.txt || die "the exported transcript differs"
ok "export of the terms of reference" "$amic" community export --dir sg --what tor --out tor.md
cmp tor.md "$source_dir/data/templates/tor.md" || die "the exported text differs"
pass "what was adopted is what was exported, byte for byte"
for command in "" "node" "node init" "card show" "community found" "community press"; do
  # shellcheck disable=SC2086 # words on purpose
  ok "help: amic $command" "$amic" $command --help
done

echo "PASS: all $checks checks"
