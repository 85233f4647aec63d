package expressgen

import (
	"context"
	"fmt"
	"os/user"
	"strconv"
	"strings"

	"modwsgi/internal/hint"
	"modwsgi/internal/run"
)

// account is the user and group that requests run as.
type account struct {
	user, group string // names, or #NUMBER where there is none
	uid, gid    int
	groups      []int // by number
}

// findAccount resolves --user and --group of a command run by uid. Without
// --user it is whoever runs the command; without --group the user's own.
func findAccount(ctx context.Context, r *run.Runner, o *Options, uid int) (account, error) {
	name := o.User
	if name == "" {
		name = "#" + strconv.Itoa(uid)
	}
	a := account{user: name}
	id, numeric := strings.CutPrefix(name, "#")
	entry, err := passwd(ctx, r, id, numeric)
	switch {
	case err == nil:
		a.uid, err = strconv.Atoi(entry.Uid)
		if o.User == "" {
			a.user = entry.Username
		}
	case numeric: // needs no entry
		a.uid, err = strconv.Atoi(id)
		entry = &user.User{Gid: id}
	default:
		err = hint.Exit(&OptionError{Option: "user", Value: name, Why: "there is no such user here"}, hint.Usage)
	}
	if err != nil {
		return a, err
	}
	a.groups = groupIDs(entry)
	if a.gid, err = strconv.Atoi(entry.Gid); err != nil {
		return a, fmt.Errorf("the group of user %s: %w", a.user, err)
	}
	a.group = o.Group
	if a.group == "" {
		a.group = "#" + entry.Gid
		if g, err := user.LookupGroupId(entry.Gid); err == nil {
			a.group = g.Name
		}
		return a, nil
	}
	if a.gid, err = groupID(ctx, r, a.group); err != nil {
		err = hint.Exit(&OptionError{Option: "group", Value: a.group, Why: "there is no such group here"}, hint.Usage)
	}
	return a, err
}

// groupID is the number of a group, which may be named by it: #NUMBER.
func groupID(ctx context.Context, r *run.Runner, name string) (int, error) {
	if gid, ok := strings.CutPrefix(name, "#"); ok {
		return strconv.Atoi(gid)
	}
	if g, err := user.LookupGroup(name); err == nil {
		return strconv.Atoi(g.Gid)
	}
	line, err := r.Output(ctx, "", "getent", "group", name)
	fields := strings.Split(line, ":")
	if err != nil || len(fields) < 3 {
		return 0, fmt.Errorf("looking up group %s: %w", name, err)
	}
	return strconv.Atoi(fields[2])
}

// groupIDs are the groups u is in.
func groupIDs(u *user.User) []int {
	list, err := u.GroupIds()
	if err != nil {
		list = []string{u.Gid}
	}
	var out []int
	for _, text := range list {
		if gid, err := strconv.Atoi(text); err == nil {
			out = append(out, gid)
		}
	}
	return out
}

// passwd finds a user by name or number. A static binary reads /etc/passwd
// alone; getent knows of directories on the network too.
func passwd(ctx context.Context, r *run.Runner, id string, numeric bool) (*user.User, error) {
	var u *user.User
	var err error
	if numeric {
		u, err = user.LookupId(id)
	} else {
		u, err = user.Lookup(id)
	}
	if err == nil {
		return u, nil
	}
	line, outErr := r.Output(ctx, "", "getent", "passwd", id)
	fields := strings.Split(line, ":")
	if outErr != nil || len(fields) < 4 {
		return nil, fmt.Errorf("looking up user %s: %w", id, err)
	}
	return &user.User{Username: fields[0], Uid: fields[2], Gid: fields[3]}, nil
}

// refuseRoot is an error if requests would run as root, which Apache refuses
// too, but late and only in its log.
func (a account) refuseRoot(uid int) error {
	if uid != 0 || a.uid != 0 {
		return nil
	}
	return hint.New(fmt.Errorf("the application would run as root (user %s)", a.user),
		"name the user it shall run as: --user www-data")
}
