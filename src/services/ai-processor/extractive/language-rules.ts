/** What makes a sentence of a language unfit to stand in an article that others compile, or dependent on the one before it. */
export type LanguageRules = {
  /** The writer speaks of himself. */
  readonly firstPerson: RegExp;
  /** Talk with the reader, with the page or about the page: greetings, offers, forms, pointers to a table, a picture or a date. */
  readonly phatic: RegExp;
  /** Begins with a word that points back. */
  readonly pointsBackAtStart: RegExp;
  /** Points back from its middle. */
  readonly pointsBackInside: RegExp;
  /** Begins with a definite noun; when the sentence before names it too, that sentence introduces it. */
  readonly definiteStart: RegExp | null;
  /** Something happened once. Only asked of pages that tell the writer's own story. */
  readonly past: RegExp | null;
  readonly present: RegExp | null;
  /** Speaks of this one tank, device or day, and not of all. Only asked of such pages. */
  readonly particular: RegExp | null;
  /** Tells the reader to do something: fit in a text that takes him by the hand, not as a line torn from a list. */
  readonly imperative: RegExp | null;
  /** Says what something is; the first group is what. */
  readonly defines: RegExp | null;
  /** A finite verb, needed of a sentence that stands alone: captions have none. */
  readonly finiteVerb: RegExp | null;
};

const english: LanguageRules = {
  firstPerson: /\b(?:I|I['’](?:m|ve|d|ll)|[Ww]e|[Ww]e['’](?:re|ve|d|ll)|[Mm]y|[Mm]ine|[Oo]urs?|[Oo]urselves|[Mm]yself|me|us)\b/,
  phatic: new RegExp(
    [
      String.raw`^(?:hello|hi|hey|welcome|sorry|please|thanks?|thank you|good luck|cheers|hm+|well|yes|no|ok|okay|small update|update|probably|enjoy|note|edit)\b`,
      String.raw`^(?:advertisement|sponsored|promotion|related|tags?|posted|photos?|by|source|read more|share)\b`,
      String.raw`\b(?:wrote|posted|commented|replied):`,
      String.raw`\b(?:click|subscribe|sign up|log ?in|register|cookies?|newsletter|in (?:the )?comments?|comment below|share this|follow us|order now|add to cart|free delivery|shipping|discount|special offer|coupon|privacy|imprint|copyright|all rights reserved)\b`,
      String.raw`[©€$£★]|\b(?:euros?|dollars?)\b|https?:|www\.`,
      String.raw`\b(?:this|the (?:next|previous|last)) (?:page|site|article|post|blog|guide|thread|issue|series|section|chapter|diary|log|test)\b`,
      String.raw`\b(?:the )?(?:following (?:notes|list|table|tips|steps|guide|section|routine|article)|(?:table|list|section|picture|photo|figure|results?|notes|diary|log|comparison|chart|guide) (?:above|below)|(?:described|mentioned|shown|listed|seen) (?:above|below|earlier|here)|as (?:described|mentioned|shown) )`,
      String.raw`\b(?:ago|yesterday|today|tomorrow|(?:last|this) (?:week|month|year|spring|summer|autumn|winter|january|february|march|april|may|june|july|august|september|october|november|december))\b`,
      String.raw`\b(?:readers|members|club|visitors|newcomers) (?:who|of|in|with|here|can|should|may|are|have|therefore)\b|\b(?:most club|all members|one member|\w+ members)\b`,
      String.raw`\byour (?:own )?(?:\d|question|tank at home|shop|friends?)`,
      // Orders to whatever machine may read the page.
      String.raw`\b(?:ignore|disregard|forget) (?:all |any |the |your )*(?:previous|prior|above|earlier)\b|\b(?:system prompt|language model|as an ai)\b`,
      String.raw`\b(?:imho|lol|btw|cheers|two cents|fingers crossed|cup of coffee)\b`,
    ].join('|'),
    'i',
  ),
  pointsBackAtStart:
    /^["'“‘(]*(?:This|That|These|Those|It|Its|They|Their|Them|He|She|His|Her|Such|However|But|And|Or|So|Yet|Nor|Therefore|Thus|Hence|Moreover|Furthermore|Besides|Also|Then|Instead|Otherwise|Consequently|Still|Nevertheless|Nonetheless|Similarly|Likewise|Meanwhile|Finally|Afterwards|Accordingly|Conversely|Additionally|Again|Indeed|Later|Both|Neither|Another|Others?|The (?:other|others|latter|former|same|two|three|four|five|six|rest|second|third|fourth|first|next|last|result|reason|method|lesson|list|price of the method|opposite|difference|exception)|Two of|One of (?:them|these)|Some of (?:them|these)|Most of (?:them|these)|All of (?:them|these)|Each of (?:them|these)|Each following|None of (?:them|these)|As a result|In addition|In (?:this|that|these|such|either|both) |At this|At that|For (?:this|that|the same)|On the other|After (?:this|that)|With (?:this|that|these)|By (?:this|that)|For example|For instance|Same|Hands?|Without (?:this|that|these|it)|Even so|Only then|There(?:after|fore))\b/,
  pointsBackInside:
    /\b(?:therefore|(?:over|of|for|with|from|between|to|in) both(?=[,.;])|of them|(?:all|both) of these|the (?:latter|former)|in turn|likewise|for the same reason|such (?:a|an) |this (?:plant|way|method|is|style|dose|approach|reason|time|rhythm|range|case|step|point|level)|these (?:weeks|plants|fish|values|tanks|two|three|steps|cases|conditions|days|animals|species|algae)|those (?:plants|fish|values)|that (?:way|reason|time|level|case))\b/,
  definiteStart: /^(?:The)\s+([\p{L}-]+)(?:\s+([\p{L}-]+))?/u,
  past: /\b(?:was|were|had|did|went|came|gave|took|made|grew|became|fell|left|lost|found|began|kept|put|cost|lay|ran|rose|sank|stood|showed|brought|bought|ate|died|ended|turned|moved|appeared|looked|stayed|stopped|started|covered|floated|melted|doubled|received|joined|measured|answered|removed|wanted|needed|used|helped|closed|opened|reached|dissolved|survived|followed|worked|remained|produced|arrived|recovered|learned|learnt|settled|yellowed|lowered|raised|tripled|rotted|shaded|ended|treated|spread|yielded)\b/,
  present:
    /\b(?:is|are|has|have|does|do|can|may|might|must|should|shall|will|need|needs|remain|remains|live|lives|grow|grows|eat|eats|like|likes|prefer|prefers|want|wants|show|shows|stay|stays|mean|means|make|makes|take|takes|give|gives|keep|keeps|help|helps|stop|stops|feed|feeds|cause|causes|trigger|triggers|tolerate|tolerates|accept|accepts)\b/,
  particular:
    /^(?:The|Half of the|Both) (?!(?:[\w-]+ ){1,3}of (?:a|an|any|most|all)\b|usual\b|only\b|best\b)|\b(?:already|again|now|every (?:Mon|Tues|Wednes|Thurs|Fri|Satur|Sun)day|(?:have|has) (?:gone|been|come|settled|stayed|never)|the (?:first|second|third|other|main|whole) (?:tank|one)|(?:half|thirds?|quarters?) of the tank|always in the)\b/,
  imperative:
    /^(?:(?:Add|Avoid|Begin|Bring|Buy|Choose|Do|Don['’]t|Ensure|Fill|Find|Get|Give|Install|Keep|Let|Make|Never|Pour|Prepare|Put|Reduce|Remove|Repeat|Replace|Rinse|Select|Siphon|Stop|Take|Use|Wait|Write)\s|(?:Brush|Change|Check|Clean|Cover|Cut|Dose|Feed|Fix|Glue|Leave|Lift|Look|Measure|Move|Place|Plant|Press|Pull|Push|Raise|Run|Set|Start|Test|Tie|Trim|Turn|Wash|Watch|Water|Wipe)\s(?:a|all|an|any|as|at|for|from|in|it|no|off|on|one|only|out|the|them|up|with|your|\d+)\s)/,

  defines:
    /^(?:(?:An?|The) )?((?:[\p{L}\p{N}'’“”"(),.-]+ ){1,9}?)(?:is (?:an?|the|one of)|are|means?|stands? for|refers? to|consists? of)\s/u,
  finiteVerb:
    /\b(?:is|are|was|were|has|have|had|does|do|did|can|cannot|may|might|must|should|will|would|needs?|remains?|lives?|grows?|grew|eats?|prefers?|wants?|shows?|stays?|means?|makes?|takes?|gives?|keeps?|helps?|stops?|feeds?|causes?|begins?|becomes?|turns?|looks?|looked|lets?|brings?|leaves|loses?|reach(?:es)?|forms|belongs?|depends?|works|holds?|carr(?:y|ies)|contains?|consists?|comes?|goes|go|gets?|sits?|stands?|hangs?|appears?|develops?|uses?|moves?|adds?|rises?|falls?|slows?|speeds?|raises?|lowers?|reduces?|increases?|removes?|protects?|supports?|suits?|fits?|asks?|calls?|clean|remove|reduce|change|add|feed|check|rinse|trim|avoid|wait|raise|lower|measure|replace|put|use|choose|start)\b/i,
};

const bulgarian: LanguageRules = {
  firstPerson:
    /(?<!\p{L})(?:аз|ние|моя(?:т|та)?|мое(?:то)?|мои(?:те)?|мой|нашия(?:т)?|наша(?:та)?|наше(?:то)?|наши(?:те)?|нас|мен|ми|ни)(?!\p{L})/iu,
  phatic:
    /^(?:здравейте|здрасти|благодаря|моля|реклама|спонсорирано|автор|публикувано|снимк[аи])(?!\p{L})|(?<!\p{L})(?:бисквитки|абонирайте|кликнете|влезте|регистрирайте|коментар\p{L}*|отстъпк\p{L}*|поръчайте|лева|евро|следващите редове|по-горе|по-долу|тази страница|тази статия|миналата|миналия)(?!\p{L})|[©€$]|https?:/iu,
  pointsBackAtStart:
    /^["'“„«(]*(?:Това|Този|Тази|Тези|Онова|Онзи|То|Той|Тя|Те|Неговото|Негов\p{L}*|Нейн\p{L}*|Техн\p{L}*|Обаче|Но|И|Или|Затова|Следователно|Освен това|Също|После|Тогава|Все пак|Вместо това|Двет?е|Двата|Другите|Другият|Такъв|Такива|Такава|При това|Например|Накрая)(?!\p{L})/u,
  pointsBackInside: /(?<!\p{L})(?:затова|следователно|от тях|от краищата на листата|този начин|тази причина)(?!\p{L})/iu,
  definiteStart: null,
  past: null,
  present: null,
  particular: null,
  imperative: null,
  defines: /^((?:[\p{L}\p{N}'’„“"(),.-]+ ){1,9}?)(?:е|са|представлява(?:т)?|означава(?:т)?)\s/u,
  finiteVerb: null,
};

const anyLanguage: LanguageRules = {
  firstPerson: /(?!)/,
  phatic: /[©€$£★]|https?:|www\./i,
  pointsBackAtStart: /(?!)/,
  pointsBackInside: /(?!)/,
  definiteStart: null,
  past: null,
  present: null,
  particular: null,
  imperative: null,
  defines: null,
  finiteVerb: null,
};

export function languageRulesOf(language: string): LanguageRules {
  if (language === 'en') return english;
  return language === 'bg' ? bulgarian : anyLanguage;
}
