package main

import (
	"os"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.yaml.in/yaml/v3"

	"example.org/rtcpeer/cmd/signal-server/internal/settings"
)

// The examples of DEPLOY.md for Docker Compose and Kubernetes are YAML, and their arguments are right.
func TestExamplesOfContainers(t *testing.T) {
	deploy, err := os.ReadFile("DEPLOY.md")
	require.NoError(t, err)
	check := func(secrets string, args []string) {
		var env settings.Environment
		for _, name := range strings.Fields(secrets) {
			env = append(env, "SIGNAL_SERVER_"+name+"=0123456789abcdef")
		}
		o, err := read(t, env, args...)
		require.NoError(t, err, "%q", args)
		require.Empty(t, o.Problems(), "%q", args)
	}
	step3 := regexp.MustCompile(`for s in ([A-Z_ ]+);`).FindStringSubmatch(string(deploy)) // of --env-file
	require.NotNil(t, step3)
	var compose, kubernetes, runs int
	for _, block := range regexp.MustCompile("(?ms)^```\\w*\n(.*?)^```$").FindAllStringSubmatch(string(deploy), -1) {
		switch {
		case strings.HasPrefix(block[1], "services:"):
			compose++
			var file struct {
				Services map[string]struct{ Image, Command string }
			}
			require.NoError(t, yaml.Unmarshal([]byte(block[1]), &file))
			require.Equal(t, "signal-server", file.Services["s0"].Image)
			check("RESUME_KEY", strings.Fields(file.Services["s0"].Command))
			require.Contains(t, file.Services["n0"].Command, "-js")
		case strings.HasPrefix(block[1], "apiVersion:"):
			kubernetes++
			first, others, _ := strings.Cut(block[1], "\n---\n")
			for _, other := range strings.Split(others, "\n---\n") {
				require.NoError(t, yaml.Unmarshal([]byte(other), new(map[string]any)))
			}
			type probe struct {
				HTTPGet struct {
					Path string
					Port int
				} `yaml:"httpGet"`
			}
			var deployment struct {
				Spec struct {
					Template struct {
						Spec struct {
							Containers []struct {
								Args           []string
								Ports          []map[string]int
								ReadinessProbe probe `yaml:"readinessProbe"`
								LivenessProbe  probe `yaml:"livenessProbe"`
							}
						}
					}
				}
			}
			require.NoError(t, yaml.Unmarshal([]byte(first), &deployment))
			for _, c := range deployment.Spec.Template.Spec.Containers {
				check("RESUME_KEY", c.Args)
				require.Equal(t, []string{"/readyz", "/healthz"}, []string{c.ReadinessProbe.HTTPGet.Path, c.LivenessProbe.HTTPGet.Path})
				require.Equal(t, 9080, c.Ports[0]["containerPort"])
			}
			require.Len(t, deployment.Spec.Template.Spec.Containers, 1)
		}
		for _, line := range strings.Split(block[1], "\n") {
			if _, args, found := strings.Cut(line, ":/data signal-server "); found {
				runs++
				check(step3[1], strings.Fields(args))
			}
		}
	}
	require.Equal(t, []int{1, 1, 1}, []int{compose, kubernetes, runs})
}

// The image is built as DEPLOY.md builds the program, and shows the ports that it listens on by itself.
func TestDockerfile(t *testing.T) {
	file, err := os.ReadFile("Dockerfile")
	require.NoError(t, err)
	deploy, err := os.ReadFile("DEPLOY.md")
	require.NoError(t, err)
	build := regexp.MustCompile(`CGO_ENABLED=0 go build (.*) \./cmd/signal-server`)
	require.Equal(t, build.FindStringSubmatch(string(deploy))[1]+" -o /out/signal-server", build.FindStringSubmatch(string(file))[1])
	o, err := read(t, nil)
	require.NoError(t, err)
	for _, address := range []string{o.Server.Listen, o.TURN.Listen, o.TURN.ListenTLS} {
		require.Contains(t, string(file), strings.TrimPrefix(address, ":")+"/tcp")
	}
	require.Contains(t, string(file), strings.TrimPrefix(o.TURN.Listen, ":")+"/udp")
	module, err := os.ReadFile("../../go.mod")
	require.NoError(t, err)
	version := regexp.MustCompile(`(?m)^go (\d+\.\d+)`).FindStringSubmatch(string(module))[1]
	require.Contains(t, string(file), "FROM golang:"+version+" ")
}
