# In a fresh Debian: what the packages are made of, and two revisions of them in /d1 and /d2.
set -e
apt-get -q update >/dev/null
apt-get -qy install --no-install-recommends apache2-dev gcc libc6-dev binutils python3-dev >/dev/null 2>&1
cd /root
for v in 1 2; do
	/mod_wsgi-express package deb --revision $v --maintainer "Test Packager <packager@debian.org>" --dist /d$v --python /usr/bin/python3 ${SECOND:+--python $SECOND/bin/python3 --rpath none} >/dev/null
done
