package matrix

// promisesOfAccess are about who may come in.
func promisesOfAccess() []Promise {
	return []Promise{
		{ID: "AU01", In: "B", What: `Basic: good, wrong, unknown, raising: 200, 401, 401, 500`},
		{ID: "AU02", In: "B", What: `check_password returns 'other': REMOTE_USER other`},
		{ID: "AU03", In: "B", What: `Digest good/bad: 200 / 401`},
		{ID: "AU04", In: "B", What: `wsgi-group in / out / raising: 200 / 401 / 401`},
		{ID: "AU05", In: "B", What: `allow_access True/False/None/raise: 200/403/others decide/403`},
		{ID: "AU06", In: "B", What: `environ has no Authorization, has mod_ssl functions: true`},
		{ID: "AU07", In: "B", What: `touch auth script: new code used, same pid`},
		{ID: "AU08", In: "B", What: `fallback provider after None: next provider asked`},
		{ID: "IN25", In: "B", What: `WSGIRestrictEmbedded On, auth script only in .htaccess: 500, child lives`},
	}
}
