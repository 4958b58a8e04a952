#!/bin/sh
# The demonstration behind `make demo`: a manager with an agent in a fresh
# directory and on free ports, and the nightly backup of a real directory.
#
#   BANTO_BIN  the binary; SOURCE  the directory to back up (default .)
#   BREAK=1    damage the archive on purpose
#
# Exit code 0 only if the tracker ended ok. Everything that is started here is
# stopped here; the files stay.
set -u

case ${BANTO_LANG:-${LC_ALL:-${LC_MESSAGES:-${LANG:-}}}} in ja*) ja=1 ;; *) ja= ;; esac
say() { if [ -n "$ja" ]; then printf '%s\n' "$2"; else printf '%s\n' "$1"; fi; }
fail() { printf 'demo: %s\n' "$(say "$1" "$2")" >&2; exit 2; }

here=$(cd "$(dirname -- "$0")/.." && pwd) || exit 2
banto=${BANTO_BIN:-$here/bin/banto}
[ -x "$banto" ] || fail "there is no binary $banto (make build)" "$banto がありません (make build)"
[ -d "${SOURCE:=.}" ] || fail "SOURCE is not a directory: $SOURCE" "SOURCE がディレクトリではありません: $SOURCE"
source=$(cd -- "$SOURCE" && pwd) || exit 2
case ${BREAK:-} in '' | 0 | no | false) damage=false ;; *) damage=true ;; esac

dir=$(mktemp -d "${TMPDIR:-/tmp}/banto-demo.XXXXXX") || exit 2
export BANTO_CONFIG="$dir/config.json"
unset BANTO_URL BANTO_TOKEN BANTO_DATA

up=
tracker=
watched=

# keeper_of prints the ID of the keeper of this demonstration: the one process
# that has our own, fresh directory among its arguments.
keeper_of() {
  ps -eo pid=,args= | awk -v want="keeper --dir $dir/" 'index($0, want) && !/awk/ { print $1 }'
}

# gone waits until a process has ended, for at most so many tenths of a second.
gone() {
  tenths=$2
  while kill -0 "$1" 2> /dev/null; do
    [ "$tenths" -gt 0 ] || return 1
    tenths=$((tenths - 1))
    sleep 0.1
  done
}

# shellcheck disable=SC2329 # called by the traps
stop() {
  trap - EXIT
  trap '' HUP INT TERM
  if [ -n "$tracker" ] && [ -z "$watched" ] && kill -0 "$up" 2> /dev/null; then
    "$banto" tracker cancel "$tracker" --reason demo --wait > /dev/null 2>&1
  fi
  if [ -n "$up" ]; then
    kill "$up" 2> /dev/null
    gone "$up" 100 || kill -9 "$up" 2> /dev/null
    wait "$up" 2> /dev/null
  fi
  for keeper in $(keeper_of); do
    gone "$keeper" 20 && continue
    # Jobs that an interrupted demonstration has left behind, each with its
    # whole process group, and then their parent.
    for job in $(ps -eo pid=,ppid= | awk -v keeper="$keeper" '$2 == keeper { print $1 }'); do
      kill -TERM -- "-$job" 2> /dev/null || kill -TERM "$job" 2> /dev/null
    done
    kill "$keeper" 2> /dev/null
    gone "$keeper" 10 || kill -9 "$keeper" 2> /dev/null
  done
}
trap stop EXIT
trap 'stop; exit 130' INT
trap 'stop; exit 143' TERM HUP

"$banto" up --data "$dir/data" --http 127.0.0.1:0 --fabric 127.0.0.1:0 > "$dir/up.log" 2>&1 < /dev/null &
up=$!
tenths=300
until [ -s "$BANTO_CONFIG" ] && "$banto" version --manager > /dev/null 2>&1; do
  if ! kill -0 "$up" 2> /dev/null || [ "$tenths" -le 0 ]; then
    cat "$dir/up.log" >&2
    fail "banto up did not come up" "banto up が起動しませんでした"
  fi
  tenths=$((tenths - 1))
  sleep 0.1
done

run() { printf '$ banto %s\n' "$1"; shift; "$banto" "$@"; }

run "apply -f examples/nightly-backup" apply -f "$here/examples/nightly-backup" || exit
set -- submit backup/nightly -p "source=$source" -p "vault=$dir/vault"
if [ "$damage" = true ]; then set -- "$@" -p break=true; fi
printf '$ banto submit backup/nightly -p source=%s -p vault=%s%s\n' "$source" "$dir/vault" "$(case $damage in true) echo ' -p break=true' ;; esac)"
answer=$("$banto" "$@" --json) || exit
tracker=$(printf '%s\n' "$answer" | sed -n 's/^ *"tracker": "\([^"]*\)".*/\1/p')
run "tracker watch $tracker" tracker watch "$tracker"
code=$?
case $code in 0 | 1) watched=1 ;; *) exit "$code" ;; esac

echo
run "tracker output $tracker report" tracker output "$tracker" report

echo
say "All of it is still there:" "すべて残っています:"
say "  data     $dir/data (store, outputs, keeper)" "  データ   $dir/data (store, outputs, keeper)"
say "  vault    $dir/vault" "  保存先   $dir/vault"
find "$dir/vault" -name '*.tar.gz' -exec printf '           %s\n' {} \;
say "  log      $dir/up.log" "  ログ     $dir/up.log"
say "  look at it again, in one terminal and another:" "  もう一度見るには、2 つの端末で:"
echo "           BANTO_CONFIG='$BANTO_CONFIG' '$banto' up --data '$dir/data'"
echo "           BANTO_CONFIG='$BANTO_CONFIG' '$banto' tracker show $tracker"
say "A manager of your own that goes on running:" "自分のマネージャを動かし続けるには:"
echo "           '$banto' up"
exit "$code"
