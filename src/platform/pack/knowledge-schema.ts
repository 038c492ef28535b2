import { type Static, Type } from 'typebox';

const closed = { additionalProperties: false } as const;
const Id = Type.String({ pattern: '^[a-z0-9]+(-[a-z0-9]+)*$' });
const Name = Type.String({ minLength: 2, maxLength: 120 });
const Prose = Type.String({ minLength: 1, maxLength: 2000 });
const oneOf = <const T extends readonly string[]>(...values: T) => Type.Enum(values);
const Level = oneOf('low', 'medium', 'high');
const Difficulty = oneOf('easy', 'medium', 'hard');

const RangeSchema = Type.Object({ min: Type.Number(), max: Type.Number() }, closed);
export type Range = Static<typeof RangeSchema>;

const water = { temperature_c: RangeSchema, ph: RangeSchema, hardness_dgh: RangeSchema };
const species = {
  id: Id,
  scientific_name: Name,
  synonyms: Type.Array(Name),
  common_names: Type.Array(Name),
  notes: Prose,
};

const PlantSchema = Type.Object(
  {
    ...species,
    ...water,
    family: Name,
    light: Type.Array(Level, { minItems: 1 }),
    co2: oneOf('not_required', 'beneficial', 'required'),
    difficulty: Difficulty,
    growth_rate: oneOf('slow', 'medium', 'fast'),
    placement: Type.Array(oneOf('foreground', 'midground', 'background', 'floating', 'epiphyte'), { minItems: 1 }),
    height_cm: RangeSchema,
    propagation: Type.Array(Name, { minItems: 1 }),
  },
  closed,
);

const AnimalSchema = Type.Object(
  {
    ...species,
    ...water,
    kind: oneOf('fish', 'shrimp', 'snail', 'other'),
    adult_size_cm: Type.Number({ exclusiveMinimum: 0 }),
    minimum_tank_l: Type.Number({ exclusiveMinimum: 0 }),
    minimum_group: Type.Integer({ minimum: 1 }),
    diet: oneOf('omnivore', 'carnivore', 'herbivore'),
    difficulty: Difficulty,
    plant_safe: Type.Boolean(),
    shrimp_safe: Type.Boolean(),
  },
  closed,
);

const EquipmentSchema = Type.Object(
  {
    id: Id,
    name: Name,
    aliases: Type.Array(Name),
    category: Name,
    purpose: Prose,
    typical_range: Type.Array(
      Type.Object({ quantity: Name, unit: Type.String({ minLength: 1, maxLength: 40 }), min: Type.Number(), max: Type.Number() }, closed),
    ),
    tips: Type.Array(Prose),
    price_band: oneOf('budget', 'mid', 'premium'),
  },
  closed,
);

const TechniqueSchema = Type.Object(
  {
    id: Id,
    name: Name,
    aliases: Type.Array(Name),
    category: Name,
    difficulty: Difficulty,
    summary: Prose,
    steps: Type.Array(Prose, { minItems: 1 }),
    related_plants: Type.Array(Id),
  },
  closed,
);

const ProblemSchema = Type.Object(
  {
    id: Id,
    name: Name,
    aliases: Type.Array(Name),
    kind: Name,
    symptoms: Type.Array(Prose, { minItems: 1 }),
    causes: Type.Array(Prose, { minItems: 1 }),
    remedies: Type.Array(Prose, { minItems: 1 }),
    prevention: Type.Array(Prose),
    urgency: Level,
  },
  closed,
);

export const knowledgeSchemas = {
  plants: Type.Array(PlantSchema),
  animals: Type.Array(AnimalSchema),
  equipment: Type.Array(EquipmentSchema),
  techniques: Type.Array(TechniqueSchema),
  problems: Type.Array(ProblemSchema),
};

export type Plant = Static<typeof PlantSchema>;
export type Animal = Static<typeof AnimalSchema>;

export type Knowledge = {
  readonly plants: readonly Plant[];
  readonly animals: readonly Animal[];
  readonly equipment: readonly Static<typeof EquipmentSchema>[];
  readonly techniques: readonly Static<typeof TechniqueSchema>[];
  readonly problems: readonly Static<typeof ProblemSchema>[];
};
