//! Robots that say so in their user agent.

/// Lower-case pieces that only robots have in their user agent.
const PIECES: &[&str] = &[
    "bot/",
    "bot;",
    "bot)",
    "bot ",
    "-bot",
    "googlebot",
    "bingbot",
    "yandex.com/bots",
    "baiduspider",
    "duckduckbot",
    "slurp",
    "facebookexternalhit",
    "twitterbot",
    "linkedinbot",
    "slackbot",
    "discordbot",
    "telegrambot",
    "whatsapp/",
    "applebot",
    "ahrefs",
    "semrush",
    "mj12bot",
    "dotbot",
    "petalbot",
    "bytespider",
    "gptbot",
    "chatgpt-user",
    "oai-searchbot",
    "claudebot",
    "anthropic-ai",
    "perplexitybot",
    "ccbot",
    "crawler",
    "spider",
    "headlesschrome",
    "phantomjs",
    "lighthouse",
    "pingdom",
    "uptimerobot",
    "statuscake",
    "datadogsynthetics",
    "site24x7",
    "gtmetrix",
    "prerender",
];

pub fn is_bot(user_agent: &str) -> bool {
    let user_agent = user_agent.to_ascii_lowercase();
    user_agent.ends_with("bot") || PIECES.iter().any(|piece| user_agent.contains(piece))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn robots_are_told_from_browsers() {
        assert!(is_bot("Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)"));
        assert!(is_bot("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 HeadlessChrome/120.0.0.0 Safari/537.36"));
        assert!(!is_bot(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/126.0.0.0 Safari/537.36"
        ));
        assert!(!is_bot("Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) CUBOT_X30"));
    }
}
