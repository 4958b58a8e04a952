package jobyaml

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/bantoops/banto"
	"github.com/bantoops/banto/job/jobnet"
	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
)

const nightly = `
jobnet: backup/nightly
title: 夜間バックアップ
timezone: Asia/Tokyo
params:
  source:      {default: ., about: directory to back up}
  generations: {type: integer, default: 7, min: 1, max: 99}
  mode:        {type: choice, of: [full, diff], default: full}
  chunk:       {default: 010}
  files:       {type: list, default: [a, 1]}
  empty:
env: {LANG: C.UTF-8}
defaults: {host: db01, timeout: 30m}
on-error: wait
parts:
  archive:
    title: 固める
    job: tar -czf "$BANTO_WORK/data.tar.gz" -C "$source" .
  count:
    job: |
      echo "files=$(find "$source" -type f | wc -l)" >> "$BANTO_VARS"
    sets: {files: integer, note: }
  cut:
    after: [archive, count]
    run: [split, -b, "${params.chunk}", data.tar.gz]
    when: count.files > 1000 and params.mode == "full"
  copy:
    after: [cut.ended, archive]
    join: any
    job: cp data.tar.gz* /mnt/vault/
    env: {FILES: "${count.files}", DAY: "${format(add_days(date, -1), 'yyyymmdd')}", RAW: "$${x}"}
    account: batch
    dir: /srv/${tracker}
    host: "${params.source}"
    shell: bash
    timeout: 1h30m
    retry: {attempts: 3, wait: 10s, backoff: 2, codes: [75, 80-]}
    exit: {warning: 1-3, error: "4-"}
  rescue:
    after: copy.error
    job: ./rescue.sh
    heals: true
`

func TestParseWhole(t *testing.T) {
	docs, problems := Parse("nightly.yaml", []byte(nightly+"---\nfolder: backup\ntitle: x\ndefaults: {account: nightly, on-error: end, timezone: UTC, env: {AREA: east, source: hidden}}\n"))
	if len(problems) > 0 || len(docs) != 2 {
		t.Fatalf("%d documents, problems:\n%s", len(docs), told(problems))
	}
	flow, problems := jobnet.Compile(docs[0].Jobnet, []*jobnet.Folder{docs[1].Folder})
	if len(problems) > 0 {
		t.Fatal(told(problems))
	}
	if docs[0].Path != "backup/nightly" || docs[0].Kind != "jobnet" || docs[1].Path != "backup" || docs[1].Kind != "folder" || docs[1].Line != 44 {
		t.Errorf("documents: %+v", docs)
	}
	copying := flow.Parts[flow.Part("copy")]
	copying.Next = nil
	seven := "7"
	want := jobnet.FlowPart{
		Name: "copy", Kind: jobnet.KindJob, Script: "cp data.tar.gz* /mnt/vault/", Join: jobnet.JoinAny,
		After: []jobnet.Edge{{From: 2, Outlet: "ended"}, {From: 0, Outlet: "done"}}, Account: "batch", Shell: "bash", Timeout: 90 * time.Minute,
		Retry: &jobnet.Retry{Attempts: 3, Wait: 10 * time.Second, Backoff: 2, Codes: []jobnet.CodeRange{{From: 75, To: 75}, {From: 80, To: 1<<32 - 1}}},
		Exit:  &jobnet.ExitRules{OK: []jobnet.CodeRange{{}}, Warning: []jobnet.CodeRange{{From: 1, To: 3}}, Error: []jobnet.CodeRange{{From: 4, To: 1<<32 - 1}}},
	}
	if diff := cmp.Diff(want, copying, cmpopts.IgnoreFields(jobnet.FlowPart{}, "Dir", "Host", "Env")); diff != "" {
		t.Error(diff)
	}
	var texts []string
	for _, e := range copying.Env {
		texts = append(texts, e.Name+"="+e.Value.Source())
	}
	if got := strings.Join(texts, " "); got != "AREA=east LANG=C.UTF-8 FILES=${count.files} DAY=${format(add_days(date, -1), 'yyyymmdd')} RAW=$${x}" {
		t.Error(got)
	}
	if flow.OnError != jobnet.OnErrorWait || flow.Timezone != "Asia/Tokyo" || *flow.Params[1].Default != seven || *flow.Params[3].Default != "010" || *flow.Params[4].Default != `["a","1"]` {
		t.Errorf("%+v", flow.Params)
	}
	if rescue := flow.Parts[4]; rescue.Account != "nightly" || rescue.Host.Source() != "db01" || rescue.Timeout != 30*time.Minute {
		t.Errorf("%+v", rescue)
	}
}

// told writes problems a line each.
func told(problems []banto.Problem) string {
	var b strings.Builder
	for _, p := range problems {
		fmt.Fprintf(&b, "%d:%d", p.Line, p.Column)
		if p.Path != "" {
			b.WriteString(" " + p.Path)
		}
		b.WriteString(": " + p.Message)
		if p.Hint != "" {
			b.WriteString(" (" + p.Hint + ")")
		}
		b.WriteString("\n")
	}
	return b.String()
}
