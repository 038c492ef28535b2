/** The text part of a template that brings none: everything that an issue can carry, in the order of most of them. */
export const defaultTextTemplate = `{{ site.title }}
{{ issue.date }}

{{ issue.subject }}

{{ blocks.top }}

{{ body }}

{% for article in articles %}
{{ article.title | wrap: 72 }}
{{ article.summary | brief: 200 | wrap: 72 }}
{{ article.url }}
{% endfor %}
{{ blocks.middle }}

{{ blocks.bottom }}

------------------------------------------------------------------------

You get this because you subscribed to {{ site.title }}
at {{ site.address }}.

What you get, and how often:
{% raw %}{{ preferences_url }}{% endraw %}

No longer for you? Unsubscribe:
{% raw %}{{ unsubscribe_url }}{% endraw %}
{% if postal_address != "" %}
{{ postal_address }}
{% endif %}`;
