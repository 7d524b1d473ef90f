package configrewrite

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/gosentinel/sentinel/internal/option"
)

// defaultUser is the name of the user that a connection has before it logs in.
// It always exists, with or without a line.
const defaultUser = "default"

// userLine is a user as a configuration defines it.
type userLine struct {
	at     position
	origin origin
	name   string
	text   string // "name rule…", as given
	normal string // the same as Live.Users has it
}

// impliedUser is what the default user is without a line of its own.
func impliedUser(s *Settings) string {
	if s.RequirePass == "" {
		return defaultUser + " on nopass sanitize-payload ~* &* +@all"
	}
	sum := sha256.Sum256([]byte(s.RequirePass))
	return defaultUser + " on sanitize-payload #" + hex.EncodeToString(sum[:]) + " ~* &* +@all"
}

// openDefaultUser is the line that originals append to every file; since 7.2 it
// has the word sanitize-payload, which means the same.
const openDefaultUser = "default on nopass ~* &* +@all"

// isOpenDefaultUser reports whether a user line says what an empty file says.
func isOpenDefaultUser(rules string) bool {
	return withoutSanitize(rules) == openDefaultUser
}

func withoutSanitize(rules string) string {
	return strings.Replace(rules, " sanitize-payload ", " ", 1)
}

// userText is how a user in the normal form is written into a sentinel.conf. A
// default user that needs no password although there is a requirepass is
// written such that it differs from the line that originals append everywhere,
// which would be ignored.
func userText(normal string) string {
	if isOpenDefaultUser(normal) {
		return strings.Replace(normal, defaultUser, defaultUser+" reset", 1)
	}
	return normal
}

func userName(text string) string {
	args, err := splitArgs(text)
	if err != nil || len(args) == 0 {
		return ""
	}
	return args[0]
}

// addUser takes a user line.
func (p *parser) addUser(at position, args []string, from origin) error {
	if len(args) == 0 {
		return option.ErrArity
	}
	text := joinArgs(args...)
	if args[0] == defaultUser && p.generated && isOpenDefaultUser(text) {
		// Originals append this line to every file. It repeats the default, except
		// that beside a requirepass added later it would switch that off.
		return nil
	}
	p.users = append(p.users, userLine{at: at, origin: from, name: args[0], text: text, normal: text})
	return nil
}

// addUsers takes the users that stand in the settings already.
func (p *parser) addUsers(at position) {
	for _, text := range p.doc.Settings.Users {
		p.users = append(p.users, userLine{at: at, name: userName(text), text: text, normal: text})
	}
}

// finishUsers decides which lines count, once all are known. What the main file
// says of a user wins over an included file and the command line, because a
// save writes changed users into the main file.
func (p *parser) finishUsers() {
	main := map[string]string{}
	for _, u := range p.users {
		if u.origin == inMain {
			main[u.name] = u.text
		}
	}
	p.doc.Settings.Users = nil
	for _, u := range p.users {
		if u.origin != inMain {
			p.doc.asked.elsewhere = append(p.doc.asked.elsewhere, u.name)
		}
		switch {
		case slices.Contains(p.doc.Settings.Users, u.text): // a repetition
		case u.origin != inMain && main[u.name] != "":
			if u.text == main[u.name] {
				continue
			}
			p.warn(u.at, "user %s of %s is ignored: %s defines it", u.name, u.origin, p.doc.source.Name)
		default:
			p.doc.Settings.Users = append(p.doc.Settings.Users, u.text)
			p.doc.asked.users = append(p.doc.asked.users, u)
		}
	}
	normal := p.checkUsers(func(i int) position { return p.doc.asked.users[i].at }, "")
	for i := range normal {
		p.doc.asked.users[i].normal = normal[i]
	}
}

// checkUsers has the users of the settings judged, and returns their normal form
// if CheckUsers is set.
func (p *parser) checkUsers(at func(i int) position, hint string) (normal []string) {
	check := p.doc.source.CheckUsers
	if check == nil || len(p.doc.Settings.Users) == 0 {
		return nil
	}
	normal, problems := check(p.doc.Settings)
	for i, err := range problems {
		p.report(at(i), err, hint)
	}
	return normal
}

// user returns what the operator says of a user, in words and in the normal
// form, and whether there is anything. The default user has rules without a line
// too, and an edit of requirepass is an edit of them.
func (a *asked) user(name string) (u userLine, found bool) {
	i := slices.IndexFunc(a.users, func(u userLine) bool { return u.name == name })
	switch {
	case i >= 0:
		return a.users[i], true
	case name == defaultUser:
		implied := impliedUser(&a.settings)
		return userLine{name: name, text: implied, normal: implied}, true
	}
	return userLine{}, false
}

// liveUsers returns the text of all users in the normal form, or those of the
// settings when nothing tracks them. It returns none when an aclfile has them.
func (d *Document) liveUsers() []string {
	if d.Settings.ACLFile != "" {
		return nil
	}
	if d.live.Users == nil {
		return d.Settings.Users
	}
	list := make([]string, len(d.live.Users))
	for i, words := range d.live.Users {
		list[i] = joinArgs(words...)
	}
	return list
}

// emitUsers writes the users into a sentinel.conf, over the lines that they
// have. An included file goes on to define those of its users that were not
// changed, so that an edit there still counts.
func (d *Document) emitUsers(r *rewriter) {
	d.dropOpenUser(r)
	if d.live.Users == nil || d.Settings.ACLFile != "" {
		d.emitOpenUser(r)
		return
	}
	for _, normal := range d.liveUsers() {
		name := userName(normal)
		if name == defaultUser && normal == impliedUser(&d.Settings) {
			d.emitImpliedUser(r, normal)
			continue
		}
		u, _ := d.asked.user(name)
		unchanged := u.origin == inInclude && u.normal == normal
		r.emit(userKey(name), "user "+userText(normal), !unchanged)
	}
	d.emitDeletedUsers(r)
	for key, slots := range r.slots {
		if strings.HasPrefix(key, userKey("")) {
			r.remove(slots) // deleted at run time
			delete(r.slots, key)
		}
	}
}

// emitDeletedUsers keeps users that were deleted at run time from coming back
// with the next start, if it is not this file that defines them: what it says
// of a user wins, so it says that this one is disabled.
func (d *Document) emitDeletedUsers(r *rewriter) {
	for _, name := range d.deletedElsewhere() {
		r.emit(userKey(name), "user "+deletedUser(name), true)
	}
}

// deletedElsewhere returns the users that are gone although another place
// defines them.
func (d *Document) deletedElsewhere() (names []string) {
	live := map[string]bool{}
	for _, normal := range d.liveUsers() {
		live[userName(normal)] = true
	}
	for _, name := range d.asked.elsewhere {
		if !live[name] && !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	return names
}

// deletedUser is a user without a password, rights and the permission to log in.
func deletedUser(name string) string {
	return joinArgs(name, "off", "sanitize-payload", "resetchannels", "-@all")
}

func userKey(name string) string { return "user " + name }

// dropOpenUser removes the line of the default user that originals append,
// where something else governs access: beside a requirepass it would switch the
// password off when an original loads the file.
func (d *Document) dropOpenUser(r *rewriter) {
	if d.Settings.RequirePass == "" && d.Settings.ACLFile == "" && !r.has("requirepass") && !r.has("aclfile") {
		return
	}
	slots := r.slots[userKey(defaultUser)]
	kept := slots[:0:0]
	for _, i := range slots {
		if r.marker >= 0 && i > r.marker && isOpenDefaultUser(r.userRules(i)) {
			r.lines[i].gone = true
		} else {
			kept = append(kept, i)
		}
	}
	r.slots[userKey(defaultUser)] = kept
}

// emitOpenUser writes the rule of the default user as the originals do, unless
// something else governs access.
func (d *Document) emitOpenUser(r *rewriter) {
	s := &d.Settings
	if s.RequirePass == "" && s.ACLFile == "" && len(s.Users) == 0 && !r.hasUser() && !r.has("requirepass") && !r.has("aclfile") {
		r.emit(userKey(defaultUser), "user "+openDefaultUser, true)
	}
}

// emitImpliedUser writes the default user when it is what an empty file or
// requirepass says. A line that says so stays as it is, and none is added beside
// a requirepass: it would make a later edit of that have no effect.
func (d *Document) emitImpliedUser(r *rewriter, normal string) {
	key := userKey(defaultUser)
	if slots := r.slots[key]; len(slots) > 0 && withoutSanitize(r.userRules(slots[0])) == withoutSanitize(normal) {
		r.emit(key, r.lines[slots[0]].text, false)
		return
	}
	text := normal
	if d.Settings.RequirePass == "" {
		text = openDefaultUser
	}
	r.emit(key, "user "+text, d.Settings.RequirePass == "" && !r.has("requirepass") && !r.has("aclfile"))
}

// userRules returns the words behind "user" in a line.
func (r *rewriter) userRules(i int) string {
	args, err := splitArgs(strings.TrimLeft(r.lines[i].text, " \t"))
	if err != nil || len(args) == 0 {
		return ""
	}
	return joinArgs(args[1:]...)
}

func (r *rewriter) hasUser() bool {
	for key, slots := range r.slots {
		if strings.HasPrefix(key, userKey("")) && len(slots) > 0 {
			return true
		}
	}
	return false
}

// savedUser is what the state part says of one user.
type savedUser struct {
	name     string
	set, was *string // rules; nil: the user was deleted, the operator said nothing
}

// renderUsers writes the users that are not as the operator's part says.
func (d *Document) renderUsers(b *strings.Builder) {
	if d.Settings.ACLFile != "" {
		return
	}
	live := map[string]string{}
	for _, normal := range d.liveUsers() {
		live[userName(normal)] = normal
	}
	names := sortedKeys(live)
	for _, u := range d.asked.users {
		if _, ok := live[u.name]; !ok {
			names = append(names, u.name)
		}
	}
	for _, name := range names {
		normal, exists := live[name]
		u, asked := d.asked.user(name)
		if exists && asked && (normal == u.normal || normal == u.text) {
			continue
		}
		fmt.Fprintf(b, "\n[[state.user]]\nname = %s\n", tomlString(name))
		if exists {
			fmt.Fprintf(b, "set = %s\n", tomlString(normal))
		}
		if asked {
			fmt.Fprintf(b, "was = %s\n", tomlString(u.text))
		}
	}
}

func (r stateReader) users(v any) []savedUser {
	list, ok := tables(v)
	if !ok {
		r.bad("user is not a list of tables")
	}
	var users []savedUser
	for _, t := range list {
		u := savedUser{set: r.text(t, "set"), was: r.text(t, "was")}
		if name := r.text(t, "name"); name == nil || u.set != nil && userName(*u.set) != *name {
			r.bad("a user has no name")
			continue
		} else {
			u.name = *name
		}
		users = append(users, u)
	}
	return users
}

// text returns the string of that key, nil if there is none.
func (r stateReader) text(t map[string]any, key string) *string {
	v, found := t[key]
	if !found {
		return nil
	}
	s, ok := v.(string)
	text, err := decodeText(s)
	if !ok || err != nil {
		r.bad(key + " of a user is not a text")
		return nil
	}
	return &text
}

// restoreUsers applies the users of the state part, by the rule of all options,
// user by user: what was set at run time holds as long as the operator's part
// says what it said then.
func (p *parser) restoreUsers(at position, d *Document, saved []savedUser) {
	s := &p.doc.Settings
	if s.ACLFile != "" {
		if len(saved) > 0 {
			p.warn(at, "users changed at run time are dropped: aclfile now says who they are")
		}
		return
	}
	changed := map[string]*string{}
	for _, u := range saved {
		now, asked := d.asked.user(u.name)
		if asked != (u.was != nil) || asked && now.text != *u.was {
			p.warn(at, "user %s was edited: the rules set at run time are dropped", u.name)
			continue
		}
		changed[u.name] = u.set
	}
	s.Users = nil
	for _, u := range d.asked.users {
		if _, ok := changed[u.name]; !ok {
			s.Users = append(s.Users, u.text)
		}
	}
	for _, name := range sortedKeys(changed) {
		if set := changed[name]; set != nil {
			s.Users = append(s.Users, *set)
		}
	}
	p.checkUsers(func(int) position { return at }, stateHint)
}

// verifyUsers reports whether users that were read back are those that should
// have been written.
func (d *Document) verifyUsers(got []string) error {
	if d.live.Users == nil || d.Settings.ACLFile != "" {
		return nil
	}
	read := map[string]string{}
	for _, text := range got {
		read[userName(text)] = text
	}
	for _, normal := range d.liveUsers() {
		name := userName(normal)
		text, found := read[name]
		delete(read, name)
		u, asked := d.asked.user(name)
		switch {
		case found && (text == normal || text == userText(normal)):
		case asked && u.normal == normal && (found && text == u.text || !found && u.origin == inInclude):
		case normal == impliedUser(&d.Settings) && (!found || withoutSanitize(text) == withoutSanitize(normal)):
		default:
			return fmt.Errorf("%w: user %q differs", errVerify, name)
		}
	}
	for _, name := range d.deletedElsewhere() {
		if text, found := read[name]; found && text != deletedUser(name) {
			return fmt.Errorf("%w: user %q is there again", errVerify, name)
		}
		delete(read, name)
	}
	for name := range read {
		return fmt.Errorf("%w: there is a user %q", errVerify, name)
	}
	return nil
}
