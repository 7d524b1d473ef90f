package check

import (
	"context"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
)

// pod is one pod of a StatefulSet, run with the means of the kernel: its own network
// address, mounts, processes and user, as the manifest says. Each start gives it a
// new address; its volume and its name stay.
type pod struct {
	*node
	name    string
	service string
	spec    corev1.PodSpec
	volume  string // directory of its claim
	roots   string // what its image has

	mu    sync.Mutex
	ip    string
	netns string
	cmd   *exec.Cmd
	first int // its process 1, as seen from here
	ended chan struct{}
	log   *os.File
}

func (p *pod) container() corev1.Container { return p.spec.Containers[0] }

// env is the container's environment, as the kubelet makes it.
func (p *pod) env() map[string]string {
	env := map[string]string{"PATH": "/usr/sbin:/usr/bin:/sbin:/bin", "HOME": "/"}
	for _, e := range p.container().Env {
		switch {
		case e.ValueFrom == nil:
			env[e.Name] = e.Value
		case e.ValueFrom.SecretKeyRef != nil:
			env[e.Name] = password
		case e.ValueFrom.FieldRef.FieldPath == "metadata.name":
			env[e.Name] = p.name
		case e.ValueFrom.FieldRef.FieldPath == "metadata.namespace":
			env[e.Name] = namespace
		}
	}
	return env
}

// command is what runs in the container, with $(NAME) replaced.
func (p *pod) command() []string {
	words := append([]string{}, p.container().Command...)
	if len(words) == 0 {
		words = []string{"/usr/bin/gosentinel"} // the image's
	}
	words = append(words, p.container().Args...)
	for name, value := range p.env() {
		for i := range words {
			words[i] = strings.ReplaceAll(words[i], "$("+name+")", value)
		}
	}
	return words
}

// start runs the pod at a new address.
func (p *pod) start() {
	p.t.Helper()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.ip, p.netns = p.attach(p.name)
	p.publish()
	root := filepath.Join(p.dir, p.netns)
	p.must(os.MkdirAll(filepath.Join(root, "upper"), 0o755))
	p.must(os.MkdirAll(filepath.Join(root, "work"), 0o755))
	p.must(os.MkdirAll(filepath.Join(root, "root"), 0o755))
	args := []string{"netns", "exec", p.netns, "unshare", "-m", "-p", "-f", "-i", "--kill-child", "sh", "-euc", p.mounts(root) + `exec env -i "$@"`, "sh"}
	for name, value := range p.env() {
		args = append(args, name+"="+value)
	}
	args = append(args, "/usr/sbin/chroot", "--userspec="+p.user(), "--groups="+p.group(), root+"/root")
	p.cmd = exec.Command("ip", append(args, p.command()...)...)
	var err error
	p.log, err = os.OpenFile(filepath.Join(p.dir, p.name+".log"), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o644)
	p.must(err)
	p.cmd.Stdout, p.cmd.Stderr = p.log, p.log
	p.must(p.cmd.Start())
	p.ended = make(chan struct{})
	go func(cmd *exec.Cmd, log *os.File, ended chan struct{}) {
		_ = cmd.Wait()
		_ = log.Close()
		close(ended)
	}(p.cmd, p.log, p.ended)
	p.wait(p.name+" to have a process", func() (string, bool) {
		text, err := os.ReadFile(fmt.Sprintf("/proc/%d/task/%[1]d/children", p.cmd.Process.Pid))
		p.first, _ = strconv.Atoi(strings.TrimSpace(string(text)))
		return fmt.Sprint(string(text), err), p.first > 0
	})
}

// mounts is the shell text that makes the container's file system: the image, which
// is read-only, and the volumes.
func (p *pod) mounts(root string) string {
	var b strings.Builder
	say := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	say("mount --make-rprivate /")
	say("mount -t overlay overlay -o lowerdir=%s,upperdir=%s/upper,workdir=%s/work %s/root", p.roots, root, root, root)
	say("cd %s/root && mkdir -p proc dev etc tmp", root)
	say("touch etc/hosts && mount --bind %s/hosts etc/hosts", p.dir)
	say("mount --rbind /dev dev")
	for _, m := range p.container().VolumeMounts {
		from := p.volume
		for _, v := range p.spec.Volumes {
			if v.Name == m.Name {
				from = filepath.Join(p.dir, "config", v.ConfigMap.Name)
			}
		}
		say("mkdir -p .%s && mount --bind %s .%s", m.MountPath, from, m.MountPath)
		if m.ReadOnly {
			say("mount -o remount,bind,ro .%s", m.MountPath)
		}
	}
	if ro := p.container().SecurityContext.ReadOnlyRootFilesystem; ro != nil && *ro {
		say("mount -o remount,ro %s/root", root)
	}
	say("mount -t proc proc proc")
	return b.String()
}

func (p *pod) user() string {
	return fmt.Sprintf("%d:%d", *p.spec.SecurityContext.RunAsUser, *p.spec.SecurityContext.RunAsGroup)
}

func (p *pod) group() string { return strconv.FormatInt(*p.spec.SecurityContext.FSGroup, 10) }

// exec runs a command in the container.
func (p *pod) exec(timeout time.Duration, command ...string) (string, error) {
	ctx, cancel := context.WithTimeout(context.Background(), timeout)
	defer cancel()
	args := []string{"-t", strconv.Itoa(p.first), "-m", "-p", "-n", "-i", "-r", "-w",
		"-S", strconv.FormatInt(*p.spec.SecurityContext.RunAsUser, 10), "-G", strconv.FormatInt(*p.spec.SecurityContext.RunAsGroup, 10)}
	cmd := exec.CommandContext(ctx, "nsenter", append(args, command...)...)
	cmd.WaitDelay = time.Second
	for name, value := range p.env() {
		cmd.Env = append(cmd.Env, name+"="+value)
	}
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// ready asks the pod's readiness probe.
func (p *pod) ready() (string, bool) {
	probe := p.container().ReadinessProbe
	if probe.Exec != nil {
		out, err := p.exec(time.Duration(probe.TimeoutSeconds)*time.Second, probe.Exec.Command...)
		return fmt.Sprint(out, err), err == nil
	}
	var port int32
	for _, c := range p.container().Ports {
		if c.Name == probe.HTTPGet.Port.StrVal {
			port = c.ContainerPort
		}
	}
	client := http.Client{Timeout: time.Duration(probe.TimeoutSeconds) * time.Second}
	defer client.CloseIdleConnections()
	reply, err := client.Get(fmt.Sprintf("http://%s:%d%s", p.ip, port, probe.HTTPGet.Path))
	if err != nil {
		return err.Error(), false
	}
	defer reply.Body.Close()
	return reply.Status, reply.StatusCode == http.StatusOK
}

func (p *pod) waitReady() {
	p.t.Helper()
	p.wait(p.name+" to be ready", p.ready)
}

// delete ends the pod as the kubelet does: preStop, SIGTERM, and SIGKILL when the time
// is over.
func (p *pod) delete() {
	p.t.Helper()
	begin := time.Now()
	grace := time.Duration(*p.spec.TerminationGracePeriodSeconds) * time.Second
	if l := p.container().Lifecycle; l != nil && l.PreStop != nil {
		if out, err := p.exec(grace, l.PreStop.Exec.Command...); err != nil {
			p.t.Errorf("preStop of %s: %v\n%s", p.name, err, out)
		}
	}
	p.must(syscall.Kill(p.first, syscall.SIGTERM))
	select {
	case <-p.ended:
	case <-time.After(grace - time.Since(begin)):
		p.t.Errorf("%s did not end in %v", p.name, grace)
		p.kill()
	}
	p.detach(p.netns)
	p.t.Logf("%s ended after %v", p.name, time.Since(begin).Round(time.Millisecond))
}

// kill is the end of its machine.
func (p *pod) kill() {
	_ = syscall.Kill(p.first, syscall.SIGKILL)
	<-p.ended
}

// crash kills it and takes its address away.
func (p *pod) crash() {
	p.kill()
	p.detach(p.netns)
}

func needsRoot(t *testing.T) {
	t.Helper()
	if os.Getuid() != 0 {
		t.Skip("needs root: runs pods with the means of the kernel")
	}
	for _, program := range []string{"ip", "unshare", "nsenter", "debootstrap"} {
		if _, err := exec.LookPath(program); err != nil {
			t.Fatal(err)
		}
	}
}
