package shell_test

import (
	"slices"
	"testing"
)

// knownToBash are lines of bash that set A, of which Follow makes what bash does.
func knownToBash() []string {
	return slices.Concat(bashPatterns(), bashArrays(), bashExpansions(), bashInput(), bashWords(), moreBashWords())
}

// bashPatterns are of patterns and numbers.
func bashPatterns() []string {
	return []string{
		// Regular expressions and patterns.
		`[[ start =~ ^(start|daemon)$ ]] && A=x`,
		`[[ stop =~ ^(start|daemon)$ ]] || A=x`,
		`[[ start =~ ^(st)(.*)$ ]]; A=${BASH_REMATCH[2]}`,
		`R='^[0-9]+$'; [[ 12 =~ $R ]] && A=y`,
		`[[ a.b =~ a\.b ]] && A=y`,
		`[[ axb =~ "a.b" ]] || A=n`,
		`[[ abc == a* ]] && A=x`,
		`[[ abc == "a*" ]] || A=x`,
		`[[ abc != b* ]] && A=x`,
		`B=; [[ -z $B && -d / ]] && A=x`,
		`[[ -n x && ( -d / || -d /gone9 ) && ! -e /gone9 ]] && A=x`,
		`[[ 10 -gt 9 ]] && A=x`,
		`[[ 10 > 9 ]] || A=x`,
		`[[ a < b ]] && A=x`,
		`[[ 1+1 -eq 2 ]] && A=x`,
		`B=5; [[ B -eq 5 ]] && A=x`,
		`[[ -v PATH ]] && A=x`,
		`[[ -v GONE9 ]] || A=x`,
		`[[ "a b" == a\ b ]] && A=x`,
		`B="a b"; [[ $B == "a b" ]] && A=x`,
		`[[ a == b ]]`,
		`[[ -d /gone9 ]]`,
		`[[ -n "" ]] || A=$?`,
		// Numbers.
		`i=0; ((i++))`,
		`i=0; ((++i)); A=$i`,
		`i=0; ((i++)) || A=$i`,
		`let i=0`,
		`let i=1+1; A=$i`,
		`let "i = 2 * 3"; A=$i`,
		`i=1; ((i += 2)); A=$i`,
		`i=2; ((i == 1))`,
		`i=2; ((i == 2)) && A=x`,
		`((3 > 2 && 2 > 1)) && A=x`,
		`i=5; A=$((i--)); A=$A$i`,
		`A=$((2**10))`,
		`i=3; ((i *= 2)); A=$i`,
		`((A = 4)); A=$A`,
		`((0)) || A=x`,
		`A=$((16#ff))`,
		`((1, 2)) && A=x`,
		`if ((1)); then A=x; fi`,
		`i=1; while ((i < 4)); do ((i++)); done; A=$i`,
		`for ((i = 0; i < 3; i++)); do A=$A$i; done`,
		`for ((i = 5; i > 3; i -= 1)); do A=$A$i; done; A=$A$i`,
		`for ((;;)); do A=x; break; done`,
	}
}

// bashArrays are of arrays.
func bashArrays() []string {
	return []string{
		// Arrays.
		`B=(1 2 3); A=${#B[@]}`,
		`B=(1 2 3); A=${B[1]}`,
		`B=(1 2 3); A=$B`,
		`B=(1 2 3); A="${B[*]}"`,
		`B=(a 'b c'); set -- "${B[@]}"; A=$#$2`,
		`B=(a 'b c'); set -- ${B[@]}; A=$#`,
		`B=(a); B+=(b c); A=${B[2]}`,
		`B=(); A=${#B[@]}`,
		`B=(); set -- "${B[@]}"; A=$#`,
		`B=(a b); B[1]=c; A=${B[*]}`,
		`B=(a b c); A=${B[-1]}`,
		`B=(a b c); A=${B[@]:1:1}`,
		`for i in "${B[@]}"; do A=x; done`,
		`B=(x y); for i in "${B[@]}"; do A=$A$i; done`,
		`declare -a B=(x y); A=${B[0]}`,
		`declare -A M=([a]=1 [b]=2); A=${M[b]}`,
		`declare -A M; M[x]=3; A=${M[x]}`,
		`B=(true); "${B[@]}"; A=x`,
		`B=(false); "${B[@]}"`,
		`B=(echo x); A=$("${B[@]}" y)`,
		`B=(gone9); "${B[@]}" 2>/dev/null`,
		`B=($(echo a b)); A=${#B[@]}`,
		`B=(*gone9*); A=${#B[@]}`,
		`i=1; B=(a b); A=${B[$i]}`,
		`i=0; B=(a b); A=${B[i+1]}`,
		`B=("$@"); A=${#B[@]}`,
		`set -- p q; B=("$@"); A=${B[1]}`,
		`B[0]=x; A=$B`,
		`IFS=, read -ra B <<< a,b,c; A=${#B[@]}`,
		`readonly B=(1 2); A=${B[1]}`,
		`local -a B 2>/dev/null || A=x`,
		`A=(1 2); A=${A[1]}`,
		`unset B; B=(1 2); unset B; A=${B-gone}`,
		`B=(a b); unset 'B[0]'; A=${#B[@]}`,
		`f() { local B=(1 2); A=${B[1]}; }; f; A=$A${B-}`,
		`B=(a b c); C=("${B[@]/b/x}"); A=${C[1]}`,
		`B=(a b); A=${!B[*]}`,
	}
}

// bashExpansions are of expansions.
func bashExpansions() []string {
	return []string{
		// Expansions.
		`B=Start; A=${B,,}`,
		`B=Start; A=${B^^}`,
		`B=start; A=${B^}`,
		`B=Start; A=${B,}`,
		`B=a-b-c; A=${B//-/_}`,
		`B=a-b-c; A=${B/-/_}`,
		`B=a-b; A=${B//-}`,
		`B=abc; A=${B/#a/x}`,
		`B=abc; A=${B/%c/x}`,
		`B=a.b; A=${B//./-}`,
		`B=aXb; A=${B/[A-Z]/-}`,
		`B=abcdef; A=${B:2:2}`,
		`B=abcdef; A=${B:2}`,
		`B=abcdef; A=${B: -2}`,
		`B=abcdef; A=${B:0:-1}`,
		`B=abc; A=${B:5}`,
		`B=C; C=v; A=${!B}`,
		`B=GONE9; A=${!B:-x}`,
		`B=PATH; [ -n "${!B}" ] && A=x`,
		`set -- a b c; A=${@: -1}`,
		`set -- a b c; A="${*:2}"`,
		`set -- a b c; set -- "${@:2}"; A=$#$1`,
		`A=$'a\tb'`,
		`A=$'it\'s'`,
		`A=$'\x41\101'`,
		`for i in {1..3}; do A=$A$i; done`,
		`for i in {a,b}x; do A=$A$i; done`,
		`set -- {1..9..3}; A=$#`,
		`set -- a{b,c}d; A=$2`,
		`A={a,b}`,
		`B=x; B+=y; A=$B`,
		`printf -v A '%03d' 7`,
		`printf -v A %s x`,
		`A=$(printf '%s-%s' a b)`,
		`A=$(printf '%s,' a b c)`,
		`A=$(printf '%d%%' 5)`,
		`A=$(printf '%5s|' x)`,
		`A=$(printf '%-3s|' x)`,
		`A=$(printf '%x' 255)`,
		`A=$(printf 'a\tb')`,
		`A=$(printf '%b' 'a\nb')`,
		`A=$(printf '%s')`,
		`A=$(printf '%q' 'a b')`,
		`A=$(echo -e 'a\tb')`,
		`A=$(echo 'a\tb')`,
		`A=$(echo -n -e x)`,
		`A=$(echo -E 'a\tb')`,
	}
}

// bashInput are of input and options.
func bashInput() []string {
	return []string{
		// Input.
		`read -r B <<< 'x y'; A=$B`,
		`read -r B C <<< 'x y z'; A=$C`,
		`read B C D <<< 'x y'; A=$C$D`,
		`IFS=: read -r B C <<< a:b:c; A=$C`,
		`while read -r l; do A=$A$l; done <<< x`,
		`while read -r l; do A=$A$l; done < <(printf 'a\nb\n')`,
		`while read -r l; do A=$A$l; done < <(gone9 2>/dev/null); A=${A:-none}`,
		`while IFS='=' read -r k v; do A=$A$k$v; done <<X` + "\na=1\nb=2\nX\n",
		`read -r A < <(echo x)`,
		`mapfile -t B < <(printf 'a\nb\n'); A=${#B[@]}`,
		`mapfile -t B <<< x; A=${B[0]}`,
		`readarray -t B <<< $'a\nb'; A=${B[1]}`,
		`echo x | { read -r B; [ "$B" = x ]; } && A=y`,
		`A=$(cat < <(echo x))`,
		`A=$(< /dev/null)`,
		"read -r B <<X\nx y\nX\nA=$B",
		"{ read -r B; read -r C; } <<X\n1\n2\nX\nA=$C$B",
		"B=$(while read -r l; do echo \"<$l>\"; done <<X\na\nb\nX\n); A=$B",
		// Options.
		`set -o pipefail; false | true`,
		`set -o pipefail; true | false || A=x`,
		`set -o pipefail; false | true || A=x`,
		`set -o pipefail; true | true; A=x`,
		`set -euo pipefail; A=x`,
		`set -o pipefail; set +o pipefail; false | true; A=x`,
		`set -o pipefail; B=$(false | cat) || A=x`,
		`set -o pipefail; B=$(false | cat)`,
		`set -o pipefail; echo x | grep -q y | cat || A=n`,
		`shopt -s nullglob; for f in /gone9/*; do A=x; done; A=${A:-none}`,
		`for f in /gone9/*; do A=x; done`,
		"shopt -s extglob; eval 'case start in @(start|stop)) A=x;; esac'",
		"shopt -s extglob; [[ abc == +([a-z]) ]] && A=x",
		`shopt -s nocasematch; case START in start) A=x;; *) A=y;; esac`,
		`shopt -s nocasematch; [[ START == start ]] && A=x`,
		`shopt -s gone9 2>/dev/null || A=x`,
		`shopt -q extglob || A=n`,
		`set -E; trap 'echo x >&2' ERR; A=y`,
		`trap 'A=1' DEBUG; trap - DEBUG; A=x`,
		`set -o posix; A=x`,
		`set -T; A=x`,
	}
}

// bashWords are of words that dash has not.
func bashWords() []string {
	return []string{
		// Words of bash.
		`declare B=x; A=$B`,
		`declare -i B=1+1; A=$B`,
		`declare -r B=x; A=$B`,
		`declare -x B=x; A=$B`,
		`declare B; A=${B-none}`,
		`typeset B=x; A=$B`,
		`f() { declare B=in; }; B=out; f; A=$B`,
		`f() { declare -g B=in; }; B=out; f; A=$B`,
		`f() { local -r B=x; A=$B; }; f`,
		`f() { local B=$1 C=$2; A=$C$B; }; f x y`,
		`declare -p GONE9 2>/dev/null || A=x`,
		`declare -F gone9 || A=x`,
		`f() { :; }; declare -F f >/dev/null && A=x`,
		`case a in a) A=1;& b) A=${A}2;; esac`,
		`case a in a) A=1;;& *) A=${A}2;; esac`,
		`f() { A=${FUNCNAME[0]}; }; f`,
		`A=${BASH_VERSINFO[0]}; A=x`,
		`((BASH_VERSINFO[0] >= 3)) && A=x`,
		`[ -n "$BASH_VERSION" ] && A=x`,
		`[ -n "$UID" ] && [ -n "$RANDOM" ] && [ -n "$PPID" ] && [ -n "$SECONDS" ] && A=x`,
		`builtin true; A=x`,
		`command -v shopt >/dev/null && A=x`,
		`type -t f >/dev/null || A=n`,
		`type -P cat >/dev/null && A=x`,
		`enable -n gone9 2>/dev/null || A=x`,
		`pushd / >/dev/null; popd >/dev/null; A=x`,
		`pushd /gone9 2>/dev/null || A=x`,
		`pushd /gone9 2>/dev/null`,
		`function f { A=x; }; f`,
		`function f() { A=x; }; f`,
		`f() (A=y); A=x; f`,
		`source /dev/null; A=x`,
		`source /gone9 2>/dev/null || A=x`,
	}
}

// moreBashWords are further ones.
func moreBashWords() []string {
	return []string{
		`source /gone9 2>/dev/null`,
		`exec 3< /dev/null; A=x`,
		`exec {fd}>/dev/null; A=x`,
		`true & wait; A=x`,
		`true & wait $!; A=x`,
		`false & wait $! || A=$?`,
		`false & wait $!`,
		`(exit 3) & wait $! || A=$?`,
		`true &> /dev/null; A=x`,
		`gone9 &> /dev/null || A=x`,
		`echo x |& cat >/dev/null; A=y`,
		`coproc true; A=x`,
		`time true; A=x`,
		`! true || A=x`,
		`until [[ -n $A ]]; do A=x; done`,
		`A=x; [[ $A ]] && A=y`,
		`a=1 b=2; A=$a$b`,
		`wait; A=x`,
		`hash gone9 2>/dev/null || A=x`,
		`A=${PIPESTATUS[0]}`,
		`false | true; A=${PIPESTATUS[0]}`,
		`trap 'A=x' EXIT; A=y`,
		`trap -- '' INT; A=x`,
		`eval "B=(1 2)"; A=${B[1]}`,
		`export -f gone9 2>/dev/null || A=x`,
		`f() { :; }; export -f f; A=x`,
		`B=x y=z; A=$y`,
		`A="$( (echo x) )"`,
		`A=$(echo x; exit 3) || A=$A$?`,
		`A=$(set +e; false; echo x)`,
		`A=$(false; echo x)`,
		`A=$(f() { false; echo x; }; f)`,
		`f() { false; A=x; }; f`,
		`shopt -s inherit_errexit; A=$(false; echo x) || A=n`,
		`unset B; A=${B:-$(echo y)}`,
	}
}

// Of what people write for bash, and for strict scripts, Follow makes what the shells do.
func TestFollowLifelikeScripts(t *testing.T) {
	t.Parallel()
	for _, sh := range shells(t) {
		if sh == "bash" {
			agrees(t, sh, knownToBash(), len(knownToBash())/8)
		}
		agrees(t, sh, lifelikeLines(), len(lifelikeLines())/10)
	}
}
