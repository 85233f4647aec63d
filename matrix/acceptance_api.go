package matrix

// promisesOfTheAPI are about the modules mod_wsgi and apache, logging and
// telemetry.
func promisesOfTheAPI() []Promise {
	return []Promise{
		{ID: "PY01", In: "B", What: `attributes of the modules mod_wsgi and apache: present with types`},
		{ID: "PY02", In: "B", What: `subscribe_* as decorator: returns function`},
		{ID: "PY03", In: "B", What: `events order and keys for one request: started, response_started, finished with the documented keys`},
		{ID: "PY04", In: "B", What: `replace application_object: replacement runs`},
		{ID: "PY05", In: "B", What: `callback dict is merged for later callbacks; exception in callback: merged; logged, others run`},
		{ID: "PY06", In: "B", What: `request_data shared; outside a request: same object; RuntimeError`},
		{ID: "PY07", In: "B", What: `request_exception payload: (type, value, tb)`},
		{ID: "PY08", In: "B", What: `process_stopping with reason; embedded '': as documented`},
		{ID: "PY09", In: "D", What: `active_requests during 2 parallel requests: 2 entries, ids match`},
		{ID: "PY10", In: "B", What: `request_metrics None before start; then all keys; drains: true; start_time < stop_time`},
		{ID: "PY11", In: "B", What: `process_metrics, server_metrics gating: None / dict`},
		{ID: "PY12", In: "B", What: `FileWrapper(blksize=-1); keywords; attributes: ValueError; ok`},
		{ID: "PY13", In: "B", What: `RequestTimeout bases: (BaseException,)`},
		{ID: "PY14", In: "B", What: `telemetry configured: both accessors None`},
		{ID: "LG01", In: "B", What: `print, stderr, wsgi.errors, write+flush, writelines, buffer with bytes/bytearray/memoryview: each marker in log`},
		{ID: "LG02", In: "B", What: `2-line text: 2 records`},
		{ID: "LG03", In: "B", What: `partial line without newline: at end of request`},
		{ID: "LG04", In: "B", What: `100 KB line; line with NUL; text with empty line: nothing lost; tail after NUL visible; empty record`},
		{ID: "LG05", In: "B", What: `application output with LogLevel warn / LogLevel crit: visible at level error / suppressed`},
		{ID: "LG06", In: "B", What: `LogHandler levels, LogLevel info: debug dropped, info+ present with mapped level`},
		{ID: "LG07", In: "B", What: `two threads writing lines: never mixed in a line`},
		{ID: "LG08", In: "B", What: `surrogates / invalid UTF-8: no exception`},
		{ID: "LG09", In: "B", What: `[script PATH] prefix and client address on request lines: present`},
		{ID: "LG10", In: "B", What: `LogLevel wsgi:debug / trace1: more lines; at info none of them`},
		{ID: "LG11", In: "B", What: `traceback lines: one record per line, complete`},
		{ID: "TL01", In: "B", What: `listener on the telemetry socket: kind 5 at start, kind 2 each interval, 6 and 7 at stop; header as documented`},
		{ID: "TL02", In: "B", What: `slow request above the threshold: kind 4 state 0 then 1; no query string; UA only with option`},
		{ID: "TL03", In: "B", What: `no listener: no errors beyond one line; requests unaffected`},
	}
}
