export const postStatuses = ['draft', 'scheduled', 'preparing', 'publishing', 'published', 'failed', 'cancelled'] as const;
export type PostStatus = (typeof postStatuses)[number];

export type PostMedia = {
  /** In storage. */
  readonly key: string;
  readonly altText: string;
};

export type InstagramPost = {
  readonly id: string;
  readonly contentId: string | null;
  /** Hashtags included. */
  readonly caption: string;
  readonly media: readonly PostMedia[];
  readonly status: PostStatus;
  readonly statusReason: string | null;
  readonly scheduledAt: Date | null;
  readonly childContainerIds: readonly string[];
  readonly containerId: string | null;
  readonly containerMadeAt: Date | null;
  readonly publishBegunAt: Date | null;
  readonly mediaId: string | null;
  readonly permalink: string | null;
  readonly publishedAt: Date | null;
  readonly attempts: number;
  readonly nextStepAt: Date | null;
  readonly insights: Readonly<Record<string, number>> | null;
  readonly insightsAt: Date | null;
  readonly createdBy: string;
  readonly createdAt: Date;
  readonly updatedAt: Date;
};

export type InstagramAccount = {
  readonly accountId: string;
  readonly accessToken: string;
  /** With the version: `https://graph.instagram.com/v24.0`. */
  readonly apiUrl: string;
};

export type InstagramArticle = {
  readonly id: string;
  readonly slug: string;
  readonly title: string;
  readonly summary: string;
  readonly url: string;
  readonly category: string | null;
  readonly tags?: readonly string[];
};
