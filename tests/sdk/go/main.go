// Sends with posthog-go what ../go.test.mjs looks for. The argument is a suffix that makes this run's ids its own.
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
	if err := run(os.Args[1], os.Args[2]); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func run(suffix, uuid string) error {
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

	flags, err := client.GetAllFlags(posthog.FeatureFlagPayloadNoKey{DistinctId: user})
	if err != nil {
		return fmt.Errorf("asking for flags: %w", err)
	}
	definitions, err := client.GetFeatureFlags()
	if err != nil {
		return fmt.Errorf("asking for definitions: %w", err)
	}
	if err := client.Close(); err != nil {
		return err
	}
	if len(sent.failures) > 0 {
		return fmt.Errorf("not delivered: %v", sent.failures)
	}
	return json.NewEncoder(os.Stdout).Encode(map[string]int{"flags": len(flags), "definitions": len(definitions)})
}
