//! Which programs call themselves what: crawlers, assistants and tools by their user agent.

/// A program that is not a person's browser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Bot {
    pub name: &'static str,
    pub operator: &'static str,
    /// `ai_crawler`, `ai_search`, `ai_assistant`, `search_crawler`, `seo_crawler`, `social_crawler`, `monitoring`, `http_client`,
    /// `headless_browser`.
    pub category: &'static str,
}

impl Bot {
    pub fn traffic_type(self) -> &'static str {
        match self.category {
            "ai_crawler" | "ai_search" | "ai_assistant" => "AI Agent",
            "http_client" | "headless_browser" | "no_user_agent" => "Automation",
            _ => "Bot",
        }
    }
}

/// Every answer of `getTrafficType`.
pub const REGULAR: &str = "Regular";

/// Who sent this user agent; `None` for browsers and apps of people. A missing user agent is nobody's browser either.
pub fn find(user_agent: Option<&str>) -> Option<Bot> {
    let Some(user_agent) = user_agent.filter(|text| !text.is_empty()) else {
        return Some(Bot { name: "", operator: "", category: "no_user_agent" });
    };
    let lower = user_agent.to_ascii_lowercase();
    let known = BOTS.iter().find(|(part, ..)| lower.contains(part));
    if let Some((_, name, operator, category)) = known {
        return Some(Bot { name, operator, category });
    }
    let calls_itself_a_bot = lower.match_indices("bot").any(|(at, _)| !lower[at + 3..].starts_with(|c: char| c.is_ascii_lowercase()));
    let is_bot = (calls_itself_a_bot && !lower.contains("cubot")) || lower.contains("crawler") || lower.contains("spider");
    is_bot.then_some(Bot { name: "", operator: "", category: "search_crawler" })
}

/// Part of the user agent in lower case; name, operator, category. More specific ones come first.
#[rustfmt::skip]
const BOTS: &[(&str, &str, &str, &str)] = &[
    ("gptbot", "GPTBot", "OpenAI", "ai_crawler"),
    ("oai-searchbot", "OAI-SearchBot", "OpenAI", "ai_search"),
    ("chatgpt-user", "ChatGPT-User", "OpenAI", "ai_assistant"),
    ("claudebot", "ClaudeBot", "Anthropic", "ai_crawler"),
    ("anthropic-ai", "anthropic-ai", "Anthropic", "ai_crawler"),
    ("claude-searchbot", "Claude-SearchBot", "Anthropic", "ai_search"),
    ("claude-user", "Claude-User", "Anthropic", "ai_assistant"),
    ("claude-web", "Claude-Web", "Anthropic", "ai_assistant"),
    ("perplexity-user", "Perplexity-User", "Perplexity", "ai_assistant"),
    ("perplexitybot", "PerplexityBot", "Perplexity", "ai_search"),
    ("google-extended", "Google-Extended", "Google", "ai_crawler"),
    ("googleother", "GoogleOther", "Google", "ai_crawler"),
    ("gemini-deep-research", "Gemini-Deep-Research", "Google", "ai_assistant"),
    ("ccbot", "CCBot", "Common Crawl", "ai_crawler"),
    ("bytespider", "Bytespider", "ByteDance", "ai_crawler"),
    ("amazonbot", "Amazonbot", "Amazon", "ai_crawler"),
    ("applebot-extended", "Applebot-Extended", "Apple", "ai_crawler"),
    ("meta-externalagent", "Meta-ExternalAgent", "Meta", "ai_crawler"),
    ("meta-externalfetcher", "Meta-ExternalFetcher", "Meta", "ai_assistant"),
    ("cohere-ai", "cohere-ai", "Cohere", "ai_crawler"),
    ("mistralai-user", "MistralAI-User", "Mistral", "ai_assistant"),
    ("duckassistbot", "DuckAssistBot", "DuckDuckGo", "ai_assistant"),
    ("youbot", "YouBot", "You.com", "ai_search"),
    ("diffbot", "Diffbot", "Diffbot", "ai_crawler"),
    ("ai2bot", "AI2Bot", "Allen Institute for AI", "ai_crawler"),
    ("google-inspectiontool", "Google-InspectionTool", "Google", "search_crawler"),
    ("adsbot-google", "AdsBot-Google", "Google", "search_crawler"),
    ("mediapartners-google", "Mediapartners-Google", "Google", "search_crawler"),
    ("feedfetcher-google", "FeedFetcher-Google", "Google", "search_crawler"),
    ("apis-google", "APIs-Google", "Google", "search_crawler"),
    ("googlebot", "Googlebot", "Google", "search_crawler"),
    ("bingpreview", "BingPreview", "Microsoft", "search_crawler"),
    ("adidxbot", "AdIdxBot", "Microsoft", "search_crawler"),
    ("bingbot", "Bingbot", "Microsoft", "search_crawler"),
    ("msnbot", "msnbot", "Microsoft", "search_crawler"),
    ("duckduckbot", "DuckDuckBot", "DuckDuckGo", "search_crawler"),
    ("baiduspider", "Baiduspider", "Baidu", "search_crawler"),
    ("yandexbot", "YandexBot", "Yandex", "search_crawler"),
    ("yandex.com/bots", "YandexBot", "Yandex", "search_crawler"),
    ("applebot", "Applebot", "Apple", "search_crawler"),
    ("slurp", "Yahoo! Slurp", "Yahoo", "search_crawler"),
    ("sogou", "Sogou", "Sogou", "search_crawler"),
    ("petalbot", "PetalBot", "Huawei", "search_crawler"),
    ("seznambot", "SeznamBot", "Seznam", "search_crawler"),
    ("qwantbot", "Qwantbot", "Qwant", "search_crawler"),
    ("mojeekbot", "MojeekBot", "Mojeek", "search_crawler"),
    ("yeti/", "Yeti", "Naver", "search_crawler"),
    ("ia_archiver", "ia_archiver", "Internet Archive", "search_crawler"),
    ("archive.org_bot", "archive.org_bot", "Internet Archive", "search_crawler"),
    ("ahrefsbot", "AhrefsBot", "Ahrefs", "seo_crawler"),
    ("ahrefssiteaudit", "AhrefsSiteAudit", "Ahrefs", "seo_crawler"),
    ("semrushbot", "SemrushBot", "Semrush", "seo_crawler"),
    ("mj12bot", "MJ12bot", "Majestic", "seo_crawler"),
    ("dotbot", "DotBot", "Moz", "seo_crawler"),
    ("rogerbot", "rogerbot", "Moz", "seo_crawler"),
    ("screaming frog", "Screaming Frog", "Screaming Frog", "seo_crawler"),
    ("dataforseobot", "DataForSeoBot", "DataForSEO", "seo_crawler"),
    ("serpstatbot", "serpstatbot", "Serpstat", "seo_crawler"),
    ("blexbot", "BLEXBot", "WebMeUp", "seo_crawler"),
    ("sitebulb", "Sitebulb", "Sitebulb", "seo_crawler"),
    ("facebookexternalhit", "facebookexternalhit", "Meta", "social_crawler"),
    ("facebot", "Facebot", "Meta", "social_crawler"),
    ("twitterbot", "Twitterbot", "X", "social_crawler"),
    ("linkedinbot", "LinkedInBot", "LinkedIn", "social_crawler"),
    ("slackbot", "Slackbot", "Slack", "social_crawler"),
    ("slack-imgproxy", "Slack-ImgProxy", "Slack", "social_crawler"),
    ("discordbot", "Discordbot", "Discord", "social_crawler"),
    ("telegrambot", "TelegramBot", "Telegram", "social_crawler"),
    ("whatsapp/", "WhatsApp", "Meta", "social_crawler"),
    ("pinterestbot", "Pinterestbot", "Pinterest", "social_crawler"),
    ("redditbot", "redditbot", "Reddit", "social_crawler"),
    ("skypeuripreview", "SkypeUriPreview", "Microsoft", "social_crawler"),
    ("embedly", "Embedly", "Embedly", "social_crawler"),
    ("mastodon/", "Mastodon", "Mastodon", "social_crawler"),
    ("uptimerobot", "UptimeRobot", "UptimeRobot", "monitoring"),
    ("pingdom", "Pingdom", "SolarWinds", "monitoring"),
    ("statuscake", "StatusCake", "StatusCake", "monitoring"),
    ("datadogsynthetics", "Datadog Synthetics", "Datadog", "monitoring"),
    ("newrelicpinger", "New Relic Synthetics", "New Relic", "monitoring"),
    ("site24x7", "Site24x7", "Zoho", "monitoring"),
    ("checkly", "Checkly", "Checkly", "monitoring"),
    ("betteruptime", "Better Uptime", "Better Stack", "monitoring"),
    ("better uptime", "Better Uptime", "Better Stack", "monitoring"),
    ("gtmetrix", "GTmetrix", "GTmetrix", "monitoring"),
    ("chrome-lighthouse", "Lighthouse", "Google", "monitoring"),
    ("google page speed", "PageSpeed Insights", "Google", "monitoring"),
    ("vercelbot", "Vercelbot", "Vercel", "monitoring"),
    ("headlesschrome", "HeadlessChrome", "", "headless_browser"),
    ("phantomjs", "PhantomJS", "", "headless_browser"),
    ("puppeteer", "Puppeteer", "", "headless_browser"),
    ("playwright", "Playwright", "", "headless_browser"),
    ("selenium", "Selenium", "", "headless_browser"),
    ("cypress/", "Cypress", "", "headless_browser"),
    ("slimerjs", "SlimerJS", "", "headless_browser"),
    ("curl/", "curl", "", "http_client"),
    ("wget/", "Wget", "", "http_client"),
    ("python-requests", "python-requests", "", "http_client"),
    ("python-urllib", "Python-urllib", "", "http_client"),
    ("python-httpx", "python-httpx", "", "http_client"),
    ("aiohttp/", "aiohttp", "", "http_client"),
    ("scrapy", "Scrapy", "", "http_client"),
    ("go-http-client", "Go-http-client", "", "http_client"),
    ("okhttp/", "okhttp", "", "http_client"),
    ("apache-httpclient", "Apache-HttpClient", "", "http_client"),
    ("java/", "Java", "", "http_client"),
    ("libwww-perl", "libwww-perl", "", "http_client"),
    ("node-fetch", "node-fetch", "", "http_client"),
    ("axios/", "axios", "", "http_client"),
    ("undici", "undici", "", "http_client"),
    ("guzzlehttp", "Guzzle", "", "http_client"),
    ("postmanruntime", "Postman", "Postman", "http_client"),
    ("insomnia/", "Insomnia", "Kong", "http_client"),
    ("httpie/", "HTTPie", "", "http_client"),
    ("ruby/", "Ruby", "", "http_client"),
    ("dart/", "Dart", "", "http_client"),
    ("reqwest", "reqwest", "", "http_client"),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn programs_are_told_from_browsers() {
        let kind = |user_agent: &str| find(Some(user_agent)).map(|bot| (bot.traffic_type(), bot.category, bot.name));
        let chrome = "Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36";
        assert_eq!(kind(chrome), None);
        assert_eq!(kind("Mozilla/5.0 (Linux; Android 9; CUBOT NOTE 20)"), None);
        assert_eq!(kind("Mozilla/5.0 (compatible; GPTBot/1.2; +https://openai.com/gptbot)"), Some(("AI Agent", "ai_crawler", "GPTBot")));
        assert_eq!(kind("Mozilla/5.0 (compatible; Googlebot/2.1)"), Some(("Bot", "search_crawler", "Googlebot")));
        assert_eq!(kind("curl/8.5.0"), Some(("Automation", "http_client", "curl")));
        assert_eq!(kind("SomeUnknownBot/1.0"), Some(("Bot", "search_crawler", "")));
        assert_eq!(find(None).map(|bot| bot.category), Some("no_user_agent"));
    }
}
