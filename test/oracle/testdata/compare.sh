# Inside a target's root, with its own dpkg database, libraries, perl and
# objdump: what the two tools say of each file named on standard input. /tools
# is a root that has them. dpkg-shlibdeps is told to bear with libraries that
# no package owns, for releases bring their own, and finds the release in a
# package's tree, which it wants for $ORIGIN; libtree is started by its own
# loader, for the target's may be older than it wants.
set -u
mkdir -p /checked/debian /checked/package/DEBIAN && cd /checked
printf 'Source: x\n\nPackage: x\nArchitecture: any\n' > debian/control
while read -r name file; do
  PERL5LIB=/tools/usr/share/perl5 perl /tools/usr/bin/dpkg-shlibdeps -v -O --ignore-missing-info "-l$(dirname "$file")" -e"$file" > /out/$name.dpkg 2>&1
  echo "exit $?" >> /out/$name.dpkg
  l=/tools/usr/lib/x86_64-linux-gnu
  $l/ld-linux-x86-64.so.2 --library-path $l /tools/usr/bin/libtree -vvv "$file" > /out/$name.libtree 2>&1
  echo "exit $?" >> /out/$name.libtree
done
