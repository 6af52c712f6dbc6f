// Sends with posthog-go what ../go.test.mjs looks for, and prints what flags it was told. The first argument is a suffix that makes
// this run's ids its own, the third the key of a flag with variants, the fourth that of one for a plan of the same name.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"time"

	"github.com/posthog/posthog-go"
)

// delivery remembers the messages that the client gave up on.
type delivery struct{ failures []error }

func (*delivery) Success(posthog.APIMessage) {}

func (d *delivery) Failure(_ posthog.APIMessage, err error) { d.failures = append(d.failures, err) }

func main() {
	if err := run(os.Args[1], os.Args[2], os.Args[3], os.Args[4]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(suffix, uuid, variants, plan string) error {
	user, alias, company := "user-"+suffix, "alias-"+suffix, "company-"+suffix
	sent := &delivery{}
	client, err := posthog.NewWithConfig(os.Getenv("HOGLET_PROJECT_TOKEN"), posthog.Config{
		Endpoint:       os.Getenv("HOGLET_URL"),
		PersonalApiKey: os.Getenv("HOGLET_PERSONAL_API_KEY"),
		Interval:       50 * time.Millisecond,
		Callback:       sent,
	})
	if err != nil {
		return err
	}

	messages := []posthog.Message{
		posthog.Capture{
			Uuid: uuid, DistinctId: user, Event: "invoice paid", Timestamp: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC),
			Properties: posthog.NewProperties().Set("total", 99.5).Set("lines", []map[string]string{{"sku": "ä"}}),
		},
		posthog.Identify{DistinctId: user, Properties: posthog.NewProperties().Set("plan", "pro")},
		posthog.Alias{DistinctId: user, Alias: alias},
		posthog.Capture{DistinctId: alias, Event: "as alias"},
		posthog.GroupIdentify{Type: "company", Key: company, Properties: posthog.NewProperties().Set("name", "Acme")},
		posthog.Capture{DistinctId: user, Event: "grouped", Groups: posthog.NewGroups().Set("company", company)},
	}
	for number := 0; number < 200; number++ {
		messages = append(messages, posthog.Capture{DistinctId: user, Event: "tick", Properties: posthog.NewProperties().Set("number", number)})
	}
	for _, message := range messages {
		if err := client.Enqueue(message); err != nil {
			return err
		}
	}

	local, err := told(client, user, variants, plan)
	if err != nil {
		return fmt.Errorf("deciding flags: %w", err)
	}
	asking, err := posthog.NewWithConfig(os.Getenv("HOGLET_PROJECT_TOKEN"), posthog.Config{Endpoint: os.Getenv("HOGLET_URL")})
	if err != nil {
		return err
	}
	remote, err := told(asking, user, variants, plan)
	if err != nil {
		return fmt.Errorf("asking for flags: %w", err)
	}
	if err := asking.Close(); err != nil {
		return err
	}
	if err := client.Close(); err != nil {
		return err
	}
	if len(sent.failures) > 0 {
		return fmt.Errorf("not delivered: %v", sent.failures)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"local": local, "remote": remote})
}

// told asks about somebody on the plan; a client with a personal key decides by itself.
func told(client posthog.Client, user, variants, plan string) (map[string]any, error) {
	properties := posthog.NewProperties().Set("plan", plan)
	variant, err := client.GetFeatureFlag(posthog.FeatureFlagPayload{Key: variants, DistinctId: user, PersonProperties: properties})
	if err != nil {
		return nil, err
	}
	payload, err := client.GetFeatureFlagPayload(posthog.FeatureFlagPayload{Key: variants, DistinctId: user, PersonProperties: properties})
	if err != nil {
		return nil, err
	}
	enabled, err := client.IsFeatureEnabled(posthog.FeatureFlagPayload{Key: plan, DistinctId: user, PersonProperties: properties})
	if err != nil {
		return nil, err
	}
	return map[string]any{"variant": variant, "payload": payload, "plan": enabled}, nil
}
