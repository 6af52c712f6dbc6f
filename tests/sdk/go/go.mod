module hoglet-sdk-go

go 1.21

require github.com/posthog/posthog-go v1.5.2
