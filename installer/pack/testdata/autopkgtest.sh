# After install.sh: the test that the packages bring along passes, run by autopkgtest, and fails where it should.
set -e
trap 'service apache2 stop >/dev/null 2>&1 || :' EXIT
apt-get -qy install --no-install-recommends autopkgtest dpkg-dev > /tmp/apt.log 2>&1 || { cat /tmp/apt.log; exit 1; }
mkdir -p /tmp/tree /tmp/doc
dpkg-deb -x /d2/libapache2-mod-wsgi-any_*.deb /tmp/doc
cp -R /tmp/doc/usr/share/doc/libapache2-mod-wsgi-any/examples/debian /tmp/tree
debs=$(ls /d2/libapache2-mod-wsgi-*.deb | grep -v dbgsym)
{ # what a source package of them has
	printf 'Source: mod-wsgi\nMaintainer: Test Packager <packager@debian.org>\n'
	for deb in $debs; do printf '\nPackage: %s\nArchitecture: any\n' "$(dpkg-deb -f "$deb" Package)"; done
} > /tmp/tree/debian/control
printf 'mod-wsgi (1) unstable; urgency=medium\n\n  * Test.\n\n -- Test Packager <packager@debian.org>  Sat, 21 Nov 2026 00:00:00 +0000\n' > /tmp/tree/debian/changelog
run() { autopkgtest --ignore-restrictions=isolation-container -B $debs /tmp/tree -- null > /tmp/autopkgtest.log 2>&1; }
run || { cat /tmp/autopkgtest.log; exit 1; }
grep -q '^run *PASS' /tmp/autopkgtest.log || { cat /tmp/autopkgtest.log; exit 1; }
grep -E '^(embedded|cpython-[^:]*): ' /tmp/autopkgtest.log

mv /usr/lib/mod_wsgi/default /usr/lib/mod_wsgi/away
sh /tmp/tree/debian/tests/run > /tmp/broken.log 2>&1 && { cat /tmp/broken.log; exit 1; }
mv /usr/lib/mod_wsgi/away /usr/lib/mod_wsgi/default
sed -i 's/www-data$/nobody/' /tmp/tree/debian/tests/run
sh /tmp/tree/debian/tests/run > /tmp/broken.log 2>&1 && { cat /tmp/broken.log; exit 1; }
grep -q 'FAILED: .* has not user=nobody' /tmp/broken.log || { cat /tmp/broken.log; exit 1; }

# a2enmod reads the names that ours conflicts with: one that is there is not joined by ours.
echo '# nothing' > /etc/apache2/mods-available/wsgi-py39.load
a2dismod -q -f wsgi >/dev/null
a2enmod -q wsgi-py39 >/dev/null
a2enmod wsgi > /tmp/conflict.log 2>&1 && { cat /tmp/conflict.log; exit 1; }
grep -q 'wsgi-py39' /tmp/conflict.log || { cat /tmp/conflict.log; exit 1; }
echo "tested as installed"
