package verbs

import (
	"context"
	"io"
	"os"

	"modwsgi/docs"
	"modwsgi/installer/doctor"
)

// Doctor says what keeps the module from working on this machine. log is an
// error log to explain as well, "" for none; report is for an issue.
func Doctor(log string, report bool) func(context.Context, *Job) error {
	return func(ctx context.Context, j *Job) error {
		want := doctor.Request{Apxs: j.Named("apxs"), Python: j.Named("python"), Log: log, Messages: doctor.Messages(docs.Messages)}
		return doctor.Run(ctx, j.R, want, j.told(report), j.Out)
	}
}

// Explain says what a build output or an error log means; "-" is the standard
// input.
func Explain(file string) func(context.Context, *Job) error {
	return func(_ context.Context, j *Job) error {
		from := io.Reader(os.Stdin)
		if file != "-" {
			f, err := os.Open(file)
			if err != nil {
				return err
			}
			defer f.Close()
			from = f
		}
		return doctor.Read(from, doctor.Messages(docs.Messages), j.told(false), j.Out)
	}
}

// told is how what was found is printed: without the secrets of this
// environment, and without names of users if that is wanted.
func (j *Job) told(report bool) doctor.Output {
	return doctor.Output{JSON: j.JSON(), Report: report, Redact: doctor.NewRedactor(os.Environ(), j.On("redact"))}
}
