# Read before each case is built: $name is the case, $out where its files go,
# $x its own source without the suffix, $CC the compiler.
set -eu
lib=/usr/lib/x86_64-linux-gnu

nif() { # a NIF library, with more arguments for the compiler
  $CC -O1 -shared -fPIC -I"${headers:-/headers}" -DMODULE="${module:-c_$name}" -o "$out/$name.so" /src/nif.c "$@"
}
nifcc() { # one that is linked as C++
  $CC -O1 -c -fPIC -I/headers -DEXTRA -DMODULE="c_$name" -o nif.o /src/nif.c
  g++ -O1 -shared -fPIC -o "$out/$name.so" nif.o "$x.cc" "$@"
}
port() {
  $CC -O1 -o "$out/$name" /src/port.c "$@"
}
link() { # link NAME [ARGUMENT…]: libNAME.so of NAME.c
  one=$1
  shift
  $CC -shared -fPIC -Wl,-soname,"lib$one.so" -o "lib$one.so" "$one.c" "$@"
}
library() { # library NAME [ARGUMENT…]: one that has dep_does()
  echo 'int dep_does(void) { return 42; }' > "$1.c"
  link "$@"
}
as_api() { # as_api MAJOR|MINOR NUMBER: headers that say another version of the NIF API
  mkdir h
  cp /headers/*.h h
  sed "s/define ERL_NIF_$1_VERSION.*/define ERL_NIF_$1_VERSION $2/" /headers/erl_nif.h > h/erl_nif.h
  headers=h
}
unsay_stack() { # takes PT_GNU_STACK from the program headers of a 64-bit file: 56 bytes each, behind the first 64
  at=$(readelf -lW "$out/$name.so" | awk '$1 ~ /^[A-Z_]+$/ && $2 ~ /^0x/ { if ($1 == "GNU_STACK") print n + 0; n++ }')
  for byte in 0 1 2 3; do patch $((64 + 56 * at + byte)) 000; done
}
patch() { # patch OFFSET OCTAL: one byte of what was made
  printf "\\$2" | dd of="$(ls -d "$out/$name" "$out/$name.so" 2>/dev/null)" bs=1 seek="$1" conv=notrunc 2>/dev/null
}
segment() { # segment NAME: where the first program header of that kind is
  n=$(readelf -lW "$out/$name.so" | awk -v kind="$1" '$1 ~ /^[A-Z_]+$/ && $2 ~ /^0x/ { if ($1 == kind) { print n + 0; exit } n++ }')
  echo $((64 + 56 * n))
}
