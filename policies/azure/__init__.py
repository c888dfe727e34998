"""The language of Azure Policy, judged on request bodies before anything is sent."""
