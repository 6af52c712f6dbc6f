export type Step = { title: string; code: string; language?: string; note?: string }
export type Framework = { id: string; name: string; kind: 'Web' | 'Server' | 'Mobile' | 'Anything'; steps: (host: string, key: string) => Step[] }

/** The loader every page can carry: calls made before array.js has loaded wait in a list that array.js then works through. */
export function htmlSnippet(host: string, key: string): string {
    return `<script>
  !function(t,e){if(!e.__SV){window.posthog=e;e._i=[];e.__SV=1;
  var later=function(o,n){o[n]=function(){o.push([n].concat([].slice.call(arguments)))}};
  e.init=function(key,config,name){var o=name?e[name]=[]:e;o.people=o.people||[];
  ("${stubbed.join(' "+\n   "')}").split(" ").forEach(function(n){later(o,n)});
  "set set_once unset".split(" ").forEach(function(n){later(o.people,n)});
  e._i.push([key,config,name]);
  var s=t.createElement("script");s.async=!0;s.crossOrigin="anonymous";s.src=config.api_host+"/static/array.js";
  t.head.appendChild(s)}}}(document,window.posthog||[]);
  posthog.init('${key}', {
    api_host: '${host}',
    defaults: '2025-05-24'
  })
</script>`
}

const stubbed = [
    'capture identify alias group reset register register_once unregister setPersonProperties',
    'set_config opt_in_capturing opt_out_capturing onFeatureFlags reloadFeatureFlags',
    'startSessionRecording stopSessionRecording captureException on debug',
]

const webInit = (host: string, key: string): string => `posthog.init('${key}', {
  api_host: '${host}',
  defaults: '2025-05-24',
})`

export const frameworks: Framework[] = [
    {
        id: 'html',
        name: 'HTML snippet',
        kind: 'Web',
        steps: (host, key) => [
            { title: 'Paste into the <head> of every page', code: htmlSnippet(host, key), note: 'Page views, clicks and form submits are captured from then on. Open the page once and look here.' },
            { title: 'Send an event of your own (optional)', code: `posthog.capture('signed_up', { plan: 'pro' })` },
        ],
    },
    {
        id: 'js',
        name: 'JavaScript',
        kind: 'Web',
        steps: (host, key) => [
            { title: 'Install', code: 'npm install posthog-js' },
            { title: 'Start it where your app starts', code: `import posthog from 'posthog-js'\n\n${webInit(host, key)}\n\nposthog.capture('hello from my app')` },
        ],
    },
    {
        id: 'react',
        name: 'React',
        kind: 'Web',
        steps: (host, key) => [
            { title: 'Install', code: 'npm install posthog-js' },
            {
                title: 'Wrap your app',
                code: `import { PostHogProvider } from 'posthog-js/react'

createRoot(document.getElementById('root')).render(
  <PostHogProvider
    apiKey="${key}"
    options={{ api_host: '${host}', defaults: '2025-05-24' }}
  >
    <App />
  </PostHogProvider>
)`,
            },
            { title: 'Use it anywhere', code: `import { usePostHog } from 'posthog-js/react'\n\nconst posthog = usePostHog()\nposthog.capture('signed_up', { plan: 'pro' })` },
        ],
    },
    {
        id: 'next',
        name: 'Next.js',
        kind: 'Web',
        steps: (host, key) => [
            { title: 'Install', code: 'npm install posthog-js' },
            { title: '.env.local', code: `NEXT_PUBLIC_POSTHOG_KEY=${key}\nNEXT_PUBLIC_POSTHOG_HOST=${host}` },
            {
                title: 'instrumentation-client.ts, beside next.config (Next 15.3 and newer)',
                code: `import posthog from 'posthog-js'

posthog.init(process.env.NEXT_PUBLIC_POSTHOG_KEY!, {
  api_host: process.env.NEXT_PUBLIC_POSTHOG_HOST,
  defaults: '2025-05-24',
})`,
            },
        ],
    },
    {
        id: 'vue',
        name: 'Vue or Nuxt',
        kind: 'Web',
        steps: (host, key) => [
            { title: 'Install', code: 'npm install posthog-js' },
            { title: 'Vue: main.ts', code: `import posthog from 'posthog-js'\n\n${webInit(host, key)}\n\ncreateApp(App).mount('#app')` },
            {
                title: 'Nuxt: plugins/posthog.client.ts',
                code: `import posthog from 'posthog-js'

export default defineNuxtPlugin(() => {
  ${webInit(host, key).replaceAll('\n', '\n  ')}
  return { provide: { posthog } }
})`,
            },
        ],
    },
    {
        id: 'node',
        name: 'Node.js',
        kind: 'Server',
        steps: (host, key) => [
            { title: 'Install', code: 'npm install posthog-node' },
            {
                title: 'Send an event',
                code: `import { PostHog } from 'posthog-node'

const posthog = new PostHog('${key}', { host: '${host}' })

posthog.capture({
  distinctId: 'user_42',
  event: 'order_paid',
  properties: { amount: 42.5, currency: 'EUR' },
})
await posthog.shutdown()`,
            },
        ],
    },
    {
        id: 'python',
        name: 'Python',
        kind: 'Server',
        steps: (host, key) => [
            { title: 'Install', code: 'pip install posthog' },
            {
                title: 'Send an event',
                code: `from posthog import Posthog

posthog = Posthog("${key}", host="${host}")
posthog.capture("order_paid", distinct_id="user_42", properties={"amount": 42.5})
posthog.shutdown()`,
            },
        ],
    },
    {
        id: 'go',
        name: 'Go',
        kind: 'Server',
        steps: (host, key) => [
            { title: 'Install', code: 'go get github.com/posthog/posthog-go' },
            {
                title: 'Send an event',
                code: `client, err := posthog.NewWithConfig("${key}", posthog.Config{
	Endpoint: "${host}",
})
if err != nil {
	log.Fatal(err)
}
defer client.Close()

client.Enqueue(posthog.Capture{
	DistinctId: "user_42",
	Event:      "order_paid",
	Properties: posthog.NewProperties().Set("amount", 42.5),
})`,
            },
        ],
    },
    {
        id: 'rust',
        name: 'Rust',
        kind: 'Server',
        steps: (host, key) => [
            { title: 'Install', code: 'cargo add posthog-rs' },
            {
                title: 'Send an event',
                code: `let options = posthog_rs::ClientOptionsBuilder::default()
    .api_key("${key}".to_string())
    .api_endpoint("${host}/i/v0/e/".to_string())
    .build()?;
let client = posthog_rs::client(options).await;

let mut event = posthog_rs::Event::new("order_paid", "user_42");
event.insert_prop("amount", 42.5)?;
client.capture(event).await?;`,
            },
        ],
    },
    {
        id: 'php',
        name: 'PHP',
        kind: 'Server',
        steps: (host, key) => [
            { title: 'Install', code: 'composer require posthog/posthog-php' },
            {
                title: 'Send an event',
                code: `PostHog\\PostHog::init('${key}', ['host' => '${host}']);

PostHog\\PostHog::capture([
    'distinctId' => 'user_42',
    'event' => 'order_paid',
    'properties' => ['amount' => 42.5],
]);`,
            },
        ],
    },
    {
        id: 'ruby',
        name: 'Ruby',
        kind: 'Server',
        steps: (host, key) => [
            { title: 'Install', code: 'gem install posthog-ruby' },
            {
                title: 'Send an event',
                code: `posthog = PostHog::Client.new(api_key: "${key}", host: "${host}")

posthog.capture(
  distinct_id: "user_42",
  event: "order_paid",
  properties: { amount: 42.5 }
)`,
            },
        ],
    },
    {
        id: 'ios',
        name: 'iOS',
        kind: 'Mobile',
        steps: (host, key) => [
            { title: 'Add the package', code: '.package(url: "https://github.com/PostHog/posthog-ios.git", from: "3.0.0")' },
            { title: 'Start it with your app', code: `import PostHog\n\nlet config = PostHogConfig(apiKey: "${key}", host: "${host}")\nPostHogSDK.shared.setup(config)\n\nPostHogSDK.shared.capture("app_opened")` },
        ],
    },
    {
        id: 'android',
        name: 'Android',
        kind: 'Mobile',
        steps: (host, key) => [
            { title: 'build.gradle.kts', code: 'dependencies {\n    implementation("com.posthog:posthog-android:3.+")\n}' },
            {
                title: 'Start it in your Application',
                code: `val config = PostHogAndroidConfig(
    apiKey = "${key}",
    host = "${host}",
)
PostHogAndroid.setup(this, config)

PostHog.capture(event = "app_opened")`,
            },
        ],
    },
    {
        id: 'flutter',
        name: 'Flutter',
        kind: 'Mobile',
        steps: (host, key) => [
            { title: 'Install', code: 'flutter pub add posthog_flutter' },
            { title: 'main.dart', code: `final config = PostHogConfig('${key}');\nconfig.host = '${host}';\nawait Posthog().setup(config);\n\nawait Posthog().capture(eventName: 'app_opened');`, note: 'Turn off automatic start first: com.posthog.posthog.AUTO_INIT = false in AndroidManifest.xml and Info.plist.' },
        ],
    },
    {
        id: 'react-native',
        name: 'React Native',
        kind: 'Mobile',
        steps: (host, key) => [
            { title: 'Install', code: 'npm install posthog-react-native' },
            {
                title: 'Wrap your app',
                code: `import { PostHogProvider } from 'posthog-react-native'

<PostHogProvider apiKey="${key}" options={{ host: '${host}' }}>
  <App />
</PostHogProvider>`,
            },
        ],
    },
    {
        id: 'curl',
        name: 'curl',
        kind: 'Anything',
        steps: (host, key) => [
            {
                title: 'Run in a terminal',
                code: `curl -X POST '${host}/i/v0/e/' \\
  -H 'Content-Type: application/json' \\
  -d '{
    "api_key": "${key}",
    "event": "hello_from_curl",
    "distinct_id": "user_42",
    "properties": {"plan": "pro", "amount": 42.5}
  }'`,
                note: 'Any language that can send this request can send events. Batches go to /batch/.',
            },
        ],
    },
]
