// Shows one survey on a page of its own, with the SDK that this server serves. The page says which in its body's data attributes.
;(function () {
    'use strict'
    var page = document.body.dataset
    var respondent = new URLSearchParams(location.search).get('distinct_id')
    var status = document.getElementById('status')

    // The SDK thinks of a corner of somebody's site; here the survey is all there is.
    var style = `
        .ph-survey {
            position: static !important;
            width: max(var(--ph-survey-max-width), 480px) !important;
            min-width: 0 !important;
            max-width: calc(100vw - 48px) !important;
        }
        .survey-form, .thank-you-message, .intro-screen {
            border: 1.5px solid var(--ph-survey-border-color) !important;
            border-radius: 10px !important;
        }
        .form-cancel { display: none !important; }`

    function show(survey) {
        status.hidden = true
        posthog.displaySurvey(survey, { displayType: 'popover', ignoreConditions: true, ignoreDelay: true })
        var shadow = document.querySelector('.PostHogSurvey-' + survey).shadowRoot
        var sheet = new CSSStyleSheet()
        sheet.replaceSync(style)
        shadow.adoptedStyleSheets = shadow.adoptedStyleSheets.concat(sheet)
        new MutationObserver(function () {
            if (shadow.querySelector('.ph-survey')) return
            status.textContent = 'Thank you. You can close this page.'
            status.hidden = false
        }).observe(shadow, { childList: true, subtree: true })
    }

    var options = {
        api_host: location.origin,
        autocapture: false,
        capture_pageview: false,
        capture_pageleave: false,
        capture_heatmaps: false,
        capture_performance: false,
        capture_exceptions: false,
        disable_session_recording: true,
        disable_web_experiments: true,
        disable_product_tours: true,
        disable_surveys_automatic_display: true,
        advanced_enable_surveys: true,
        advanced_disable_feature_flags: true,
        // The address names who answers, for these events alone: nothing of it is kept in the browser, and no persons are merged.
        bootstrap: respondent ? { distinctID: respondent, isIdentifiedID: true } : {},
        persistence: respondent ? 'memory' : 'localStorage',
        loaded: function (posthog) {
            posthog.onSurveysLoaded(function (surveys) {
                var found = surveys.some(function (survey) {
                    return survey.id === page.survey
                })
                if (found) show(page.survey)
                else status.textContent = 'This survey could not be loaded. Try again later.'
            })
        },
    }
    window.posthog = []
    window.posthog._i = [[page.token, options, 'posthog']]
    window.posthog.__SV = 1
})()
