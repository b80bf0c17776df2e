"""The template: what is drawn from the top down has the density that is said of it, and that is a distribution."""

import math
from collections.abc import Iterator
from dataclasses import replace
from itertools import combinations_with_replacement, product

import numpy as np
import pytest

from members import target
from synthor import Prior, parse_spec
from synthor.fit.model import fit
from synthor.fit.status import Status
from synthor.prior.template import (
    Believed,
    Composition,
    Dependence,
    Drawn,
    Maker,
    Members,
    Plan,
    Size,
    Template,
    WholeComposition,
    draw,
    gathered,
    prepared,
)
from synthor.prior.template.composition import Compositions
from synthor.prior.template.order import next_oldest
from synthor.problem import Problem
from synthor.problem.model import Rule
from synthor.schema import Level, Ref, Role, Rows, Schema, Units, of_unit
from synthor.spec.variables import Category, Integer
from synthor.types import Counts, Floats, Mask

TYPE = Category(type="category", values=["couple", "other"]).build("kind")
SIZE = Integer(type="integer", min=1, max=4, bins=[1, 2, 3]).build("persons")
OLDEST = Integer(type="integer", min=0, max=99, bins=[0, 18, 50]).build("head_age")
TENURE = Category(type="category", values=["owned", "rented"]).build("tenure")
ROLE = Category(type="category", values=["head", "partner", "child"]).build("relation")
AGE = Integer(type="integer", min=0, max=99, bins=[0, 18, 50]).build("age")
WORK = Category(type="category", values=["no", "yes"]).build("work")
HEAD, PARTNER, CHILD = range(3)
HEAD_AGE = Ref(1, 1, role=Role(0, HEAD))

SCHEMA = Schema(
    levels=(
        Level(name="household", variables=(TYPE, SIZE, OLDEST, TENURE)),
        Level(
            name="person",
            variables=(ROLE, AGE, WORK),
            parent="household",
            role="relation",
            roles={"head": 1, "partner": 1, "child": None},
        ),
    )
)


def rows(*shares: object) -> Floats:
    return np.array(shares, np.float64)


def head_ages(units: Units) -> Units:
    return units.replace(of_unit(2), slice(None), units.column(HEAD_AGE, 0))


WORKS = Dependence(given=Ref(1, 1), rows=rows([0.99, 0.01], [0.3, 0.7], [0.8, 0.2]))
TEMPLATE = Template(
    schema=SCHEMA,
    structural={
        0: Believed(marginal=rows(0.6, 0.4)),
        1: Believed(
            marginal=rows(0.3, 0.4, 0.3), tables=(Dependence(given=Ref(0, 0), rows=rows([0.0, 0.5, 0.5], [0.6, 0.3, 0.1])),)
        ),
    },
    composition=Composition(
        level=1,
        roles={
            HEAD: Believed(marginal=rows(0, 1)),
            PARTNER: Believed(
                marginal=rows(0.5, 0.5), tables=(Dependence(given=Ref(0, 0), rows=rows([0.05, 0.95], [0.9, 0.1])),)
            ),
            CHILD: Believed(marginal=rows(0.5, 0.3, 0.15, 0.05)),
        },
        least=1,
        most=4,
        size=Size(column=1, totals=rows([0, 1, 0, 0, 0], [0, 0, 1, 0, 0], [0, 0, 0, 0.7, 0.3])),
        whole=(WholeComposition(numbers=(1, 1, 1), share=0.5, where={0: 0, 1: 2}),),
    ),
    members=(
        Members(
            level=1,
            role=HEAD,
            variables={1: Believed(marginal=rows(0.02, 0.6, 0.38)), 2: Believed(marginal=rows(0.4, 0.6), tables=(WORKS,))},
        ),
        Members(
            level=1,
            role=PARTNER,
            variables={
                1: Believed(
                    marginal=rows(0.01, 0.65, 0.34),
                    tables=(
                        Dependence(
                            given=HEAD_AGE, rows=rows([0.3, 0.6, 0.1], [0.01, 0.9, 0.09], [0, 0.2, 0.8]), strength=3000.0
                        ),
                    ),
                ),
                2: Believed(
                    marginal=rows(0.5, 0.5),
                    tables=(WORKS, Dependence(given=Ref(1, 2, role=Role(0, HEAD)), rows=rows([0.6, 0.4], [0.4, 0.6]))),
                ),
            },
        ),
        Members(
            level=1,
            role=CHILD,
            oldest_first=1,
            variables={
                1: Believed(
                    marginal=rows(0.7, 0.25, 0.05),
                    tables=(
                        Dependence(given=HEAD_AGE, rows=rows([1, 0, 0], [0.9, 0.1, 0], [0.2, 0.6, 0.2])),
                        Dependence(given=Ref(1, 1, step=-1), rows=rows([1, 0, 0], [0.6, 0.4, 0], [0.2, 0.5, 0.3])),
                    ),
                ),
                2: Believed(marginal=rows(0.8, 0.2), tables=(WORKS,)),
            },
        ),
    ),
    rest={
        3: Believed(
            marginal=rows(0.5, 0.5), tables=(Dependence(given=Ref(0, 2), rows=rows([0.1, 0.9], [0.5, 0.5], [0.8, 0.2])),)
        )
    },
    derive=lambda units, random: head_ages(units),
    derived=(2,),
)


MAKER = prepared(TEMPLATE)


def household(kind: int, tenure: int, members: list[tuple[int, int, int]]) -> tuple[list[int], list[tuple[int, int, int]]]:
    return [kind, min(len(members), 3) - 1, members[0][1], tenure], members


def together(homes: list[tuple[list[int], list[tuple[int, int, int]]]]) -> Units:
    parent = np.repeat(np.arange(len(homes)), [len(members) for _, members in homes])
    persons = np.array([person for _, members in homes for person in members], np.int32).reshape(-1, 3)
    return Units(row_tables=(Rows(codes=np.array([own for own, _ in homes], np.int32)), Rows(codes=persons, parent=parent)))


def every_household() -> Iterator[tuple[list[int], list[tuple[int, int, int]]]]:
    """All units that there can be, children in order of age."""
    persons = list(product(range(3), range(2)))
    for kind, tenure, partners, children in product(range(2), range(2), range(2), range(4)):
        if 1 + partners + children > 4:
            continue
        for head in persons:
            for beside in product(persons, repeat=partners):
                for ages in combinations_with_replacement((2, 1, 0), children):
                    for works in product(range(2), repeat=children):
                        roles = [(HEAD, *head), *((PARTNER, *one) for one in beside)]
                        yield household(kind, tenure, [*roles, *((CHILD, a, w) for a, w in zip(ages, works, strict=True))])


@pytest.fixture(scope="module")
def everyone() -> Units:
    return together(list(every_household()))


def names(units: Units) -> list[bytes]:
    """Each unit, told from all others."""
    own, persons = np.stack(units.columns(), axis=1), np.stack(units.columns(1), axis=1)
    first = np.searchsorted(units.above(0, 1), np.arange(len(units) + 1))
    return [own[i].tobytes() + persons[first[i] : first[i + 1]].tobytes() for i in range(len(units))]


def share_of_each(units: Units, everyone: Units, weights: Floats) -> Floats:
    place = {name: i for i, name in enumerate(names(everyone))}
    found = np.bincount([place[name] for name in names(units)], weights, len(everyone))
    return np.asarray(found, np.float64)


def noise(drawn: Drawn, everyone: Units, q: Floats) -> Floats:
    """How far each unit's share of the weights is from q, in standard deviations; of those drawn five times or more."""
    got = share_of_each(drawn.units, everyone, np.exp(drawn.log_weight))
    each = share_of_each(drawn.units, everyone, np.ones(len(drawn.units)))
    weight = np.divide(got, each, out=np.zeros(len(each)), where=each > 0)  # of one draw
    some = q > 5 * np.where(each > 0, weight, np.inf)
    return np.asarray((got - q)[some] / np.sqrt(weight * q)[some])


@pytest.mark.slow
def test_densities_of_all_units_sum_to_one_and_draws_agree(everyone: Units) -> None:
    q = np.exp(MAKER.log_density(everyone))
    assert q.sum() == pytest.approx(1, abs=1e-12)
    drawn = draw(MAKER, size=20_000, random_seed=1)
    assert drawn.missing == 0
    assert np.exp(drawn.log_weight).sum() == pytest.approx(1)
    off = noise(drawn, everyone, q)
    assert len(off) > 300
    assert np.square(off).mean() == pytest.approx(1, abs=0.25)  # one in 1,000 seeds of 20,000 draws is off by more
    assert np.abs(off).max() < 5


def test_drawing_says_what_log_density_says() -> None:
    drawn = draw(MAKER, size=3_000, random_seed=2)
    np.testing.assert_allclose(MAKER.log_density(drawn.units), drawn.log_density, atol=1e-9)
    np.testing.assert_allclose(drawn.log_density_of(drawn.units), drawn.log_density, atol=1e-9)
    of_composition = np.bincount(drawn.composition, np.exp(drawn.log_weight))
    np.testing.assert_allclose(of_composition, drawn.plan.shares, atol=1e-12)
    log_g = (
        np.log(drawn.plan.draws / 3_000)[drawn.composition] + drawn.log_density - np.log(drawn.plan.shares)[drawn.composition]
    )
    np.testing.assert_allclose(drawn.log_drawn_from, log_g, atol=1e-9)


def allowed(units: Units) -> Mask:
    """No two children in the same age, and nobody of 50 who works beside a child."""
    age, role, work = (units.column(Ref(1, column)) for column in (1, 0, 2))
    beside = units.column(Ref(1, 1, step=-1))
    twins = (role == CHILD) & (units.column(Ref(1, 0, step=-1)) == CHILD) & (age == beside)
    child = np.bincount(units.above(0, 1), role == CHILD, len(units)) > 0
    broken = twins | ((age == 2) & (work == 1) & child[units.above(0, 1)])
    return np.bincount(units.above(0, 1), broken, len(units)) == 0


def numbers_of(units: Units) -> Counts:
    """Members of each role, (n, roles)."""
    return np.bincount(units.above(0, 1) * 3 + units.column(Ref(1, 0)), minlength=3 * len(units)).reshape(-1, 3)


@pytest.mark.slow
def test_what_rules_reject_is_drawn_again_within_its_composition(everyone: Units) -> None:
    q = np.exp(MAKER.log_density(everyone))
    kept, composition = allowed(everyone), [tuple(own) for own in numbers_of(everyone).tolist()]
    distinct = sorted(set(composition))
    place = np.array([distinct.index(own) for own in composition])
    share, accepted = np.bincount(place, q), np.bincount(place, q * kept)
    ruled = np.where(kept, q * (share / accepted)[place], 0.0)
    drawn = draw(MAKER, size=12_000, random_seed=3, allows=allowed)
    assert allowed(drawn.units).all()
    off = noise(drawn, everyone, ruled)
    assert np.square(off).mean() == pytest.approx(1, abs=0.3)
    for own, acceptance, tried in zip(drawn.plan.numbers.tolist(), drawn.acceptance, drawn.tried, strict=True):
        at = distinct.index(tuple(own))
        exact = accepted[at] / share[at]
        assert abs(acceptance - exact) < 5 * np.sqrt(exact * (1 - exact) / tried) + 1e-9
    assert min(drawn.acceptance) < 0.7 < max(drawn.acceptance)  # large units break more
    np.testing.assert_allclose(drawn.log_density_of(drawn.units), drawn.log_density, atol=1e-9)
    exact_log = np.log(ruled[kept]) - drawn.log_density_of(everyone.where(kept))
    assert np.abs(exact_log[ruled[kept] > 0]).max() < 0.2  # the acceptance is estimated


@pytest.mark.slow
def test_every_part_is_the_same_whoever_draws_it_and_seeds_differ() -> None:
    plan = Plan.of(MAKER, 5_500, 5)
    whole = draw(MAKER, size=5_500, random_seed=5, allows=allowed)
    backwards = [plan.part(number, allowed) for number in (1, 0)][::-1]
    assert gathered(plan, backwards).units.sha256 == whole.units.sha256
    assert draw(MAKER, size=200, random_seed=5).units.sha256 == draw(MAKER, size=200, random_seed=5).units.sha256
    assert draw(MAKER, size=200, random_seed=6).units.sha256 != draw(MAKER, size=200, random_seed=5).units.sha256


@pytest.mark.slow
def test_members_in_another_order_are_as_likely(everyone: Units) -> None:
    maker, random = MAKER, np.random.default_rng(4)
    homes = [home for home in every_household() if random.random() < 0.03]
    turned = [(own, [members[i] for i in random.permutation(len(members))]) for own, members in homes]
    np.testing.assert_allclose(maker.log_density(together(turned)), maker.log_density(together(homes)), atol=1e-12)


def test_units_that_cannot_be_have_no_density() -> None:
    homes = [
        household(0, 0, [(HEAD, 1, 1), (PARTNER, 1, 1)]),
        household(0, 0, [(HEAD, 1, 1)]),  # a couple is two: the size hardly ever says one
        household(0, 0, [(HEAD, 1, 1), (HEAD, 1, 1)]),
        ([0, 1, 1, 0], [(HEAD, 2, 1), (PARTNER, 1, 1)]),  # the head's age is not that of the head
        ([0, 2, 1, 0], [(HEAD, 1, 1), (PARTNER, 1, 1)]),  # not three persons
        household(0, 0, [(HEAD, 1, 1), *[(CHILD, 0, 0)] * 4]),
    ]
    assert np.isfinite(MAKER.log_density(together(homes))).tolist() == [True, True, False, False, False, False]


@pytest.mark.parametrize(("n", "k"), [(1, 3), (3, 4), (5, 2)])
def test_oldest_first_is_the_multinomial_of_independent_members(n: int, k: int) -> None:
    p = np.random.default_rng(n).dirichlet(np.ones(k))
    for ages in combinations_with_replacement(range(k - 1, -1, -1), n):
        before, run, left, chance = k - 1, 0, n, 1.0
        for age in ages:
            weights = next_oldest(p[None], np.array([before]), np.array([run]), np.array([left]))
            assert weights.sum() == pytest.approx(1)
            chance *= weights[0, age]
            left, run = (left, run + 1) if age == before else (left - run, 1)
            before = age
        times = np.bincount(ages, minlength=k)
        multinomial = math.factorial(n) * np.prod(p**times) / np.prod([math.factorial(t) for t in times])
        assert chance == pytest.approx(multinomial)


def test_numbers_of_roles_on_the_condition_of_their_sum_are_as_by_brute_force() -> None:
    random = np.random.default_rng(8)
    shares = [random.dirichlet(np.ones(most + 1)) for most in (1, 3, 4)]
    told = Composition(
        level=1,
        roles={role: Believed(marginal=own) for role, own in enumerate(shares)},
        least=1,
        most=6,
        size=Size(column=1, totals=rows([0, 1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0.5, 0.3, 0.1, 0.1])),
        whole=(WholeComposition(numbers=(1, 1, 0), share=0.25), WholeComposition(numbers=(0, 2, 0), share=0.125)),
    )
    compositions = Compositions.of(SCHEMA, told, np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 2, 0, 0]], np.int32), np.ones(3) / 3)
    every = np.array(list(product(range(2), range(4), range(5))))
    found = compositions.shares(every)
    np.testing.assert_allclose(found.sum(axis=0), 1)
    free = np.prod([own[every[:, role]] for role, own in enumerate(shares)], axis=0)
    total, listed = every.sum(axis=1), {(1, 1, 0): 0.25, (0, 2, 0): 0.125}
    for key, tail in enumerate(told.size.totals if told.size is not None else ()):
        of_total = [free[total == number].sum() for number in range(9)]
        rest = np.array(
            [tail[t] * share / of_total[t] if t < 7 and tail[t] else 0 for t, share in zip(total, free, strict=True)]
        )
        whole = np.array([listed.get(tuple(own), 0.0) if key == 1 else 0.0 for own in every.tolist()])
        rest[whole > 0] = 0
        np.testing.assert_allclose(found[:, key], whole + rest / rest.sum() * (1 - whole.sum()), atol=1e-12)


def test_compositions_that_rules_leave_stay_as_they_are_to_each_other() -> None:
    random = np.random.default_rng(9)
    told = Composition(
        level=1,
        roles={role: Believed(marginal=random.dirichlet(np.ones(most + 1))) for role, most in enumerate((1, 3, 4))},
        least=1,
        most=6,
        size=Size(column=1, totals=rows([0, 1, 0, 0, 0, 0, 0], [0, 0, 1, 0, 0, 0, 0], [0, 0, 0, 0.5, 0.3, 0.1, 0.1])),
        whole=tuple(
            WholeComposition(numbers=numbers, share=share, of_as_many=True)
            for numbers, share in (((1, 1, 0), 0.25), ((0, 2, 0), 0.125), ((1, 1, 1), 0.6), ((1, 0, 2), 0.2))
        ),
    )
    keys, even = np.array([[0, 0, 0, 0], [0, 1, 0, 0], [0, 2, 0, 0], [1, 2, 0, 0]], np.int32), np.full(4, 0.25)
    open_ = [np.ones((4, 7), bool) for _ in range(3)]
    open_[1][1:3, 1:] = False  # nobody of the second role in some
    open_[2][3, 2] = False  # and never two of the third in another
    every = np.array(list(product(range(2), range(4), range(5))))
    usual = Compositions.of(SCHEMA, told, keys, even).shares(every)
    allowed = np.all([side[:, every[:, role]] for role, side in enumerate(open_)], axis=0).T
    expected = usual * allowed / (usual * allowed).sum(axis=0)
    found = Compositions.of(SCHEMA, told, keys, even, open_)
    np.testing.assert_allclose(found.shares(every), expected, atol=1e-12)
    drawn = found.drawn(even, 4_000, np.random.default_rng(0))
    assert (found.among(even, drawn) > 0).all()


@pytest.mark.slow
@pytest.mark.parametrize(
    "text",
    [
        "kind = 'couple' and count(partner) < 1",
        "kind = 'other' and count(child) > 1",
        "kind = 'other' and relation = 'partner'",
        "kind = 'couple' and relation = 'child' and work = 'yes'",  # looks at more than that: closes nobody
    ],
)
def test_what_rules_say_of_roles_is_known_before_compositions_are_drawn(text: str) -> None:
    template = replace(TEMPLATE, rules=(Rule.of(text, SCHEMA),))
    drawn = draw(prepared(template), size=3_000, random_seed=1)
    assert drawn.acceptance.min() == 1.0
    units = drawn.units
    kind, of_role, above = units.column(of_unit(0)), units.column(Ref(1, 0), 1), units.above(0, 1)
    partners, children = (np.bincount(above[of_role == role], minlength=len(units)) for role in (PARTNER, CHILD))
    if "work" in text:
        assert (children[kind == 0] > 0).any()
    elif "count(partner)" in text:
        assert (partners[kind == 0] == 1).all()
    elif "count(child)" in text:
        assert (children[kind == 1] <= 1).all()
    else:
        assert not partners[kind == 1].any()
    # The unit's own variables keep their shares.
    weights = np.exp(drawn.log_weight)
    assert weights[kind == 0].sum() / weights.sum() == pytest.approx(0.6, abs=0.02)


@pytest.mark.slow
def test_rules_on_a_member_its_unit_and_one_other_are_kept_while_drawing(everyone: Units) -> None:
    texts = (
        "age < 18 and work = 'yes'",
        "child.age >= head.age",
        "partner.age >= 50 and tenure = 'rented'",
        "kind = 'couple' and persons = 1",
        "head.age < 18",
    )
    rules = tuple(Rule.of(text, SCHEMA) for text in texts)
    template = replace(TEMPLATE, rules=rules)
    q = np.exp(prepared(template).log_density(everyone))
    age, role, work = (everyone.column(Ref(1, column)) for column in (1, 0, 2))
    older = (role == CHILD) & (age > everyone.column(HEAD_AGE, 1))  # surely so, whatever ages are in these bands
    unit = everyone.above(0, 1)
    broken = np.bincount(unit, older | ((age == 0) & (work == 1)), len(everyone)) > 0
    broken |= (everyone.column(Ref(1, 1, role=Role(0, PARTNER)), 0) == 2) & (everyone.column(of_unit(3)) == 1)
    broken |= (everyone.column(of_unit(0)) == 0) & (everyone.column(of_unit(1)) == 0)
    broken |= everyone.column(HEAD_AGE, 0) == 0
    assert (q[broken] == 0).all()
    assert (q[~broken] > 0).all()
    assert q.sum() == pytest.approx(1, abs=1e-12)
    drawn = draw(prepared(template), size=2_000, random_seed=9)
    assert drawn.tried.sum() == 2_000  # none was drawn in vain


def plain(marginals: dict[int, Floats]) -> dict[int, Believed]:
    return {column: Believed(marginal=marginal) for column, marginal in marginals.items()}


PEOPLE = plain({1: rows(0.3, 0.4, 0.3), 2: rows(0.5, 0.5)})


def homes_of(roles: dict[int, Believed], totals: Floats, most: int) -> Template:
    """Households of one kind with members of whom nothing more is known."""
    return replace(
        TEMPLATE,
        structural=plain({0: rows(1, 1), 1: totals.sum(axis=1)}),
        composition=Composition(level=1, roles=roles, most=most, size=Size(column=1, totals=totals)),
        members=tuple(
            Members(level=1, role=role, variables=PEOPLE, oldest_first=1 if role == CHILD else None) for role in roles
        ),
        derive=lambda units, random: units.replace(of_unit(2), slice(None), np.maximum(units.column(HEAD_AGE, 0), 0)),
        rest=plain({3: rows(1, 1)}),
    )


@pytest.mark.slow
def test_heads_alone_units_without_members_and_units_of_fifteen() -> None:
    few = np.zeros((3, 16))
    few[0, 0], few[1, 1], few[2, 15] = 1.0, 1.0, 1.0
    one = Believed(marginal=rows(0.5, 0.5))
    template = homes_of({HEAD: one, PARTNER: one, CHILD: Believed(marginal=np.ones(15))}, few, 15)
    drawn = draw(prepared(template), size=900, random_seed=1)
    assert np.exp(drawn.log_weight).sum() == pytest.approx(1)
    people = np.bincount(drawn.units.above(0, 1), minlength=900)
    assert sorted(set(people.tolist())) == [0, 1, 15]
    weight = np.exp(drawn.log_weight)
    assert [weight[people == size].sum() for size in (0, 1, 15)] == pytest.approx([1 / 3] * 3)
    np.testing.assert_allclose(drawn.log_density_of(drawn.units), drawn.log_density, atol=1e-8)
    child = drawn.units.column(Ref(1, 0)) == CHILD
    beside = child & (drawn.units.column(Ref(1, 0, step=-1)) == CHILD)
    assert (drawn.units.column(Ref(1, 1))[beside] <= drawn.units.column(Ref(1, 1, step=-1))[beside]).all()
    alone = homes_of({HEAD: Believed(marginal=rows(0, 1))}, rows([0, 1], [0, 0], [0, 0]), 1)
    assert np.bincount(draw(prepared(alone), size=50, random_seed=1).units.above(0, 1)).tolist() == [1] * 50


def test_members_who_are_independent_have_the_multinomial_density() -> None:
    three = rows([0, 0, 0, 1], [0, 0, 0, 0], [0, 0, 0, 0])
    maker = prepared(homes_of({CHILD: Believed(marginal=rows(0, 0, 0, 1))}, three, 3))
    ages = list(combinations_with_replacement((2, 1, 0), 3))
    homes = [([0, 0, 0, 0], [(CHILD, age, 0) for age in own]) for own in ages]
    times = np.array([np.bincount(own, minlength=3) for own in ages])
    orders = [6 / math.prod(math.factorial(t) for t in own) for own in times.tolist()]
    wanted = orders * np.prod(rows(0.3, 0.4, 0.3) ** times, axis=1) / 8 / 2 / 2  # nobody works; kind; tenure
    np.testing.assert_allclose(np.exp(maker.log_density(together(homes))), wanted)
    stranger = ([0, 0, 0, 0], [(PARTNER, 1, 0), (CHILD, 1, 0), (CHILD, 1, 0)])
    assert maker.log_density(together([stranger])).tolist() == [-np.inf]


@pytest.mark.slow
def test_compositions_that_are_too_many_share_what_is_left() -> None:
    totals = np.zeros((3, 13))
    totals[0, 1:] = 1.0
    number = Believed(marginal=np.ones(5))
    template = homes_of({HEAD: number, PARTNER: number, CHILD: number}, totals, 12)
    drawn = draw(prepared(template), size=4_000, random_seed=2)
    apart = drawn.plan.apart[drawn.composition]
    assert len({tuple(own) for own in drawn.plan.numbers.tolist()}) == len(drawn.plan.numbers)
    others = float(drawn.plan.of_group[1:].sum())
    assert 0.2 < others < 0.7
    assert np.exp(drawn.log_weight)[~apart].sum() == pytest.approx(others)
    assert np.exp(drawn.log_weight).sum() == pytest.approx(1)
    people = np.bincount(drawn.units.above(0, 1), minlength=4_000)
    mean = (np.exp(drawn.log_weight) * people).sum()
    assert mean == pytest.approx(6.5, abs=0.3)  # every size from 1 to 12 is as likely
    np.testing.assert_allclose(drawn.log_density_of(drawn.units), drawn.log_density, atol=1e-8)


def test_a_level_without_roles_and_a_unit_without_composition() -> None:
    schema = Schema(levels=(Level(name="home", variables=(TENURE,)), Level(name="car", variables=(WORK,), parent="home")))
    told = Dependence(given=of_unit(0), rows=rows([0.2, 0.3, 0.5], [0.7, 0.2, 0.1]))
    template = Template(
        schema=schema,
        structural=plain({0: rows(0.4, 0.6)}),
        members=(Members(level=1, variables=plain({0: rows(0.3, 0.7)}), oldest_first=0),),
        numbers={1: Believed(marginal=rows(0.5, 0.3, 0.2), tables=(told,))},
    )
    homes = [(home, cars) for home in range(2) for n in range(4) for cars in combinations_with_replacement((1, 0), n)]
    parent = np.repeat(np.arange(len(homes)), [len(cars) for _, cars in homes])
    codes = np.array([[car] for _, cars in homes for car in cars], np.int32)
    own = Rows(codes=np.array([[home] for home, _ in homes], np.int32))
    q = np.exp(prepared(template).log_density(Units(row_tables=(own, Rows(codes=codes, parent=parent)))))
    assert q.sum() == pytest.approx(1, abs=1e-12)
    assert (q[[len(cars) == 3 for _, cars in homes]] == 0).all()
    first, second = (
        Plan.of(prepared(template), 10_000, 1).part(0, everything),
        Plan.of(prepared(template), 10_000, 1).part(1, everything),
    )
    assert first.units.sha256 != second.units.sha256


FAMILIES = Schema(
    levels=(
        Level(name="home", variables=(TENURE,)),
        Level(name="family", variables=(TYPE,), parent="home"),
        Level(
            name="person",
            variables=(ROLE, WORK),
            parent="family",
            role="relation",
            roles={"head": 1, "partner": 1, "child": None},
        ),
    )
)


def test_roles_further_down_are_drawn_with_the_density_that_is_said() -> None:
    """Families of a home: one head each, a partner of couples mostly, up to two children, three persons in all at most."""
    works = Dependence(given=Ref(2, 1, role=Role(0, HEAD)), rows=rows([0.9, 0.1], [0.2, 0.8]), strength=3000.0)
    couples = Dependence(given=Ref(1, 0), rows=rows([0.1, 0.9], [0.95, 0.05]), strength=3000.0)
    template = Template(
        schema=FAMILIES,
        structural=plain({0: rows(0.4, 0.6)}),
        members=(
            Members(level=1, variables=plain({0: rows(0.7, 0.3)})),
            Members(level=2, role=HEAD, variables=plain({1: rows(0.4, 0.6)})),
            Members(level=2, role=PARTNER, variables={1: Believed(marginal=rows(0.5, 0.5), tables=(works,))}),
            Members(level=2, role=CHILD, variables=plain({1: rows(0.9, 0.1)}), oldest_first=1),
        ),
        numbers={1: Believed(marginal=rows(0.1, 0.7, 0.2)), 2: Believed(marginal=rows(0.2, 0.3, 0.3, 0.2))},
        by_role={
            2: {
                HEAD: Believed(marginal=rows(0, 1)),
                PARTNER: Believed(marginal=rows(0.5, 0.5), tables=(couples,)),
                CHILD: Believed(marginal=rows(0.5, 0.3, 0.2)),
            }
        },
    )
    family = [
        (kind, [(HEAD, head), *((PARTNER, one) for one in partner), *((CHILD, one) for one in children)])
        for kind, head in product(range(2), range(2))
        for partner in ((), (0,), (1,))
        for n in range(3)
        for children in combinations_with_replacement((1, 0), n)
        if 1 + len(partner) + n <= 3
    ]
    homes = [(home, families) for home in range(2) for n in range(3) for families in product(family, repeat=n)]
    above = np.repeat(np.arange(len(homes)), [len(families) for _, families in homes])
    every = [one for _, families in homes for one in families]
    parent = np.repeat(np.arange(len(every)), [len(persons) for _, persons in every])
    levels = (
        Rows(codes=np.array([[home] for home, _ in homes], np.int32)),
        Rows(codes=np.array([[kind] for kind, _ in every], np.int32), parent=above),
        Rows(codes=np.array([person for _, persons in every for person in persons], np.int32), parent=parent, above=1),
    )
    maker = prepared(template)
    q = np.exp(maker.log_density(Units(row_tables=levels)))
    assert q.sum() == pytest.approx(1, abs=1e-9)
    drawn = draw(maker, size=4_000, random_seed=3)
    np.testing.assert_allclose(drawn.log_density_of(drawn.units), drawn.log_density, atol=1e-9)
    kind, weight = drawn.units.column(Ref(1, 0)), np.exp(drawn.log_weight)[drawn.units.above(0, 1)]
    partners = drawn.units.column(Ref(2, 1, role=Role(0, PARTNER)), 1) >= 0
    assert np.average(partners[kind == 0], weights=weight[kind == 0]) > 3 * np.average(
        partners[kind == 1], weights=weight[kind == 1]
    )


def everything(units: Units) -> Mask:
    return np.ones(len(units), bool)


def test_a_role_in_one_unit_of_five_thousand_has_candidates_and_its_share() -> None:
    rare = Believed(marginal=rows(4999, 1))
    alone = rows([0, 0.7, 0.3], [0, 0, 0], [0, 0, 0])
    head, child = Believed(marginal=rows(0, 1)), Believed(marginal=rows(0.5, 0.5))
    drawn = draw(prepared(homes_of({HEAD: head, PARTNER: rare, CHILD: child}, alone, 2)), size=2_000, random_seed=3)
    has = numbers_of(drawn.units)[:, 1] > 0
    assert has.sum() >= 300
    assert np.exp(drawn.log_weight)[has].sum() == pytest.approx(0.3 / 5000, rel=1e-9)  # of two members one is partner or child
    assert 500 < drawn.effective_sample_size < 2_000


@pytest.mark.slow
def test_rare_numbers_and_roles_among_many_compositions_have_candidates() -> None:
    totals = np.zeros((3, 13))
    totals[0, 1:] = [0.3**n for n in range(12)]
    many = Believed(marginal=np.array([0.4**n for n in range(12)]))
    template = homes_of({HEAD: many, PARTNER: Believed(marginal=rows(4999, 1)), CHILD: many}, totals, 12)
    drawn = draw(prepared(template), size=3_000, random_seed=2)
    compositions = drawn.plan.maker.compositions
    every = np.array(list(product(range(13), range(2), range(13))))
    share = compositions.among(drawn.plan.maker.share_of_key, every)
    found, weight = numbers_of(drawn.units), np.exp(drawn.log_weight)
    for column, number in ((1, 1), (0, 5), (2, 5)):
        these = found[:, column] == number
        assert these.sum() >= 30
        assert weight[these].sum() == pytest.approx(share[every[:, column] == number].sum(), rel=0.1)
    assert {1, 2, 3, 8, 11} <= set(found.sum(axis=1).tolist())  # one of 11 in 170,000; of 12, in half a million, too


TRIPS = Schema(
    levels=(
        *SCHEMA.levels,
        Level(name="vehicle", variables=(TENURE,), parent="household"),
        Level(name="trip", variables=(WORK, TENURE), parent="person", ordered=True),
    )
)


@pytest.mark.slow
def test_levels_below_members_and_side_by_side() -> None:
    far = Dependence(given=Ref(1, 2), rows=rows([0.8, 0.2, 0], [0.1, 0.5, 0.4]))
    same = Dependence(given=Ref(3, 1, step=-1), rows=rows([0.9, 0.1], [0.1, 0.9]), strength=3000.0)
    parked = Dependence(given=Ref(0, 1), rows=rows([0.9, 0.1], [0.5, 0.5], [0.1, 0.9]))
    owned = Dependence(given=Ref(0, 1), rows=rows([0.8, 0.2, 0], [0.4, 0.5, 0.1], [0.1, 0.6, 0.3]))
    template = replace(
        TEMPLATE,
        schema=TRIPS,
        members=(
            *TEMPLATE.members,
            Members(level=2, variables={0: Believed(marginal=rows(0.5, 0.5), tables=(parked,))}, oldest_first=0),
            Members(
                level=3, variables={0: Believed(marginal=rows(0.5, 0.5), tables=(same,)), 1: Believed(marginal=rows(0.3, 0.7))}
            ),
        ),
        numbers={
            2: Believed(marginal=rows(0.5, 0.4, 0.1), tables=(owned,)),
            3: Believed(marginal=rows(0.5, 0.3, 0.2), tables=(far,)),
        },
        rules=(
            Rule.of("next(trip).tenure = 'owned' and trip.work = 'yes'", TRIPS),
            Rule.of("trip.tenure = 'rented' and trip.work = 'no'", TRIPS),
        ),
    )
    drawn = draw(prepared(template), size=6_000, random_seed=4)
    units = drawn.units
    np.testing.assert_allclose(drawn.log_density_of(units), drawn.log_density, atol=1e-9)
    weight = np.exp(drawn.log_weight)
    works, trips = units.column(Ref(1, 2)), np.bincount(units.above(1, 3), minlength=units.n_rows(1))
    of_person = weight[units.above(0, 1)]
    mean = [np.average(trips[works == w], weights=of_person[works == w]) for w in (0, 1)]
    assert mean[1] > 2 * mean[0] > 0
    before = units.column(Ref(3, 0, step=-1))
    own, place = units.column(Ref(3, 1)), units.column(Ref(3, 0))
    assert not ((before == 1) & (own == 0)).any()  # closed by the rule on the next trip
    assert ((before == -1) & (own == 0)).any()  # which says nothing of the first one
    assert not ((own == 1) & (place == 0)).any()
    assert drawn.kept.sum() < drawn.tried.sum()  # who walks after a ride can be in neither: both rules together leave nothing


@pytest.mark.slow
def test_a_composition_that_rules_leave_nothing_of_is_told_as_missing() -> None:
    def nobody_beside(units: Units) -> Mask:
        return np.asarray(numbers_of(units)[:, 1] == 0)

    drawn = draw(MAKER, size=600, random_seed=1, allows=nobody_beside)
    shares = [share for own, share in zip(drawn.plan.numbers.tolist(), drawn.plan.shares, strict=True) if own[1]]
    assert drawn.missing == pytest.approx(sum(shares))
    assert np.exp(drawn.log_weight).sum() == pytest.approx(1)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"rest": {}}, "expected all once"),
        ({"members": TEMPLATE.members[:2]}, "level 'person'"),
        ({"structural": plain({0: rows(1, 1)}), "rest": plain({1: rows(1, 1, 1), 3: rows(1, 1)})}, "structural variables"),
    ],
)
def test_a_template_that_lacks_something_is_refused(changed: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        Maker.of(replace(TEMPLATE, **changed))  # type: ignore[arg-type]


def told(everyone: Units, q: Floats, given: Ref, of: int, role: int) -> Floats:
    """P(of | given) among members of a role under q, (given, of)."""
    level = everyone.column(Ref(1, 0)) == role
    a, c = everyone.column(given, 1), everyone.column(Ref(1, of))
    held = level & (a >= 0) & ((everyone.column(Ref(1, 0, step=-1), 1) == role) if given.step else True)
    counts = np.bincount(a[held] * 3 + c[held], q[everyone.above(0, 1)][held], 9).reshape(3, 3)
    return np.asarray(counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300))


@pytest.mark.slow
def test_believed_tables_come_out_however_many_parents_say_the_same(everyone: Units) -> None:
    """Work hangs on age, on the head's age, which says nearly the same, and on the household's kind, which hangs on both."""
    partner = TEMPLATE.members[1]
    likewise = Dependence(given=HEAD_AGE, rows=rows([0.9, 0.1], [0.35, 0.65], [0.7, 0.3]), strength=1e5)
    sure = Dependence(given=Ref(1, 1), rows=rows([0.99, 0.01], [0.3, 0.7], [0.8, 0.2]), strength=1e5)
    ages = replace(partner.variables[1].tables[0], strength=1e5)
    variables = {
        1: replace(partner.variables[1], tables=(ages,)),
        2: Believed(marginal=rows(0.47, 0.53), tables=(sure, likewise)),
    }
    template = replace(TEMPLATE, members=(TEMPLATE.members[0], replace(partner, variables=variables), TEMPLATE.members[2]))
    off = {}
    for name, maker in (("product", Maker.of(template)), ("fitted", prepared(template))):
        q = np.exp(maker.log_density(everyone))
        assert q.sum() == pytest.approx(1)
        own, heads = told(everyone, q, Ref(1, 1), 2, PARTNER)[:, :2], told(everyone, q, HEAD_AGE, 2, PARTNER)[:, :2]
        off[name] = max(float(np.abs(own - sure.rows)[1:].max()), float(np.abs(heads - likewise.rows)[1:].max()))
    assert off["fitted"] < 0.012
    assert off["product"] > 0.06


@pytest.mark.slow
def test_siblings_and_their_head_have_the_ages_that_are_believed(everyone: Units) -> None:
    child = TEMPLATE.members[2]
    head, before = (replace(table, strength=1e5) for table in child.variables[1].tables)
    variables = {**child.variables, 1: replace(child.variables[1], tables=(head, before))}
    template = replace(TEMPLATE, members=(*TEMPLATE.members[:2], replace(child, variables=variables)))
    q = np.exp(prepared(template).log_density(everyone))
    np.testing.assert_allclose(told(everyone, q, HEAD_AGE, 1, CHILD)[1:], head.rows[1:], atol=0.02)
    np.testing.assert_allclose(told(everyone, q, Ref(1, 1, step=-1), 1, CHILD)[:2], before.rows[:2], atol=0.02)


@pytest.mark.slow
def test_a_belief_that_nobody_is_sure_of_leaves_the_marginal(everyone: Units) -> None:
    head = TEMPLATE.members[0]
    works = {strength: replace(WORKS, strength=strength) for strength in (1e-6, 30.0, 1e6)}
    shares = {}
    for strength, table in works.items():
        variables = {**head.variables, 2: Believed(marginal=rows(0.4, 0.6), tables=(table,))}
        q = np.exp(
            prepared(replace(TEMPLATE, members=(replace(head, variables=variables), *TEMPLATE.members[1:]))).log_density(
                everyone
            )
        )
        shares[strength] = told(everyone, q, Ref(1, 1), 2, HEAD)[1:, :2]
    np.testing.assert_allclose(shares[1e-6], [[0.4, 0.6]] * 2, atol=1e-6)
    np.testing.assert_allclose(shares[1e6], WORKS.rows[1:], atol=1e-3)
    between = np.sqrt(WORKS.rows[1:] * [0.4, 0.6])
    np.testing.assert_allclose(shares[30.0], between / between.sum(axis=1, keepdims=True), atol=1e-6)


@pytest.mark.slow
def test_the_rest_of_a_unit_hangs_on_what_follows_from_its_members(everyone: Units) -> None:
    owned = rows([0.1, 0.9], [0.5, 0.5], [0.8, 0.2])
    rest = {3: Believed(marginal=rows(0.5, 0.5), tables=(Dependence(given=of_unit(2), rows=owned, strength=1e6),))}
    q = np.exp(prepared(replace(TEMPLATE, rest=rest)).log_density(everyone))
    counts = np.bincount(everyone.column(of_unit(2)) * 2 + everyone.column(of_unit(3)), q).reshape(3, 2)
    np.testing.assert_allclose(counts / counts.sum(axis=1, keepdims=True), owned, atol=1e-4)


def test_listed_compositions_of_more_than_all_units_leave_nothing_for_others() -> None:
    listed = [WholeComposition(numbers=(1, 0), share=0.9), WholeComposition(numbers=(0, 1), share=0.6)]
    half = Believed(marginal=rows(0.5, 0.5))
    told = Composition(level=1, roles={HEAD: half, CHILD: half}, most=2, whole=tuple(listed))
    found = Compositions.of(SCHEMA, told, np.zeros((1, 4), np.int32), np.ones(1))
    np.testing.assert_allclose(found.shares(np.array([[1, 0], [0, 1], [1, 1]]))[:, 0], [0.6, 0.4, 0.0])


@pytest.mark.parametrize("alone", [None, [0.1, 0.1, 0.8]])
def test_who_sees_no_such_member_is_as_usual_or_as_is_said(everyone: Units, alone: list[float] | None) -> None:
    child, partner_age = TEMPLATE.members[2], Ref(1, 1, role=Role(0, PARTNER))
    said = rows([1, 0, 0], [0.9, 0.1, 0], [0, 0.9, 0.1], *([] if alone is None else [alone]))
    age = Believed(marginal=rows(0.6, 0.3, 0.1), tables=(Dependence(given=partner_age, rows=said, strength=1e6),))
    template = replace(TEMPLATE, members=(*TEMPLATE.members[:2], replace(child, variables={**child.variables, 1: age})))
    q = np.exp(prepared(template).log_density(everyone))
    role, seen = everyone.column(Ref(1, 0)), everyone.column(partner_age, 1)
    for beside, shares in ((-1, [0.6, 0.3, 0.1] if alone is None else alone), (1, said[1])):
        these = (role == CHILD) & (seen == beside)
        got = np.bincount(everyone.column(Ref(1, 1))[these], q[everyone.above(0, 1)][these], 3)
        np.testing.assert_allclose(got / got.sum(), shares, atol=1e-4)


@pytest.mark.slow
def test_candidates_of_a_template_are_fitted_onto_tables_of_both_levels() -> None:
    drawn = draw(MAKER, size=4_000, random_seed=1)
    real = draw(MAKER, size=2_000, random_seed=2).units  # over-sampled: larger households than the candidates stand for
    columns = ((0, 0), (0, 1), (0, 3), (1, 0), (1, 1), (1, 2))
    tables = [target(f"{level} {column}", level, (level, column), schema=SCHEMA) for level, column in columns]
    targets = tuple(replace(table, wanted=table.cells(real).totals(np.ones(2_000))) for table in tables)
    spec = parse_spec("{records: 2000, variables: {kind: {type: category, values: [couple, other]}}}")
    problem = Problem(spec=spec, n_units=2_000, schema=SCHEMA, targets=targets, rules=())
    model = fit(problem, Prior(), handed=(drawn.units, drawn.log_weight))
    assert model.status is Status.CONVERGED
    assert model.effective_sample_size > 1_000
    for table in targets:
        np.testing.assert_allclose(2_000 * table.cells(model.pool.units).totals(model.weights), table.wanted, atol=0.01)


@pytest.mark.slow
def test_tables_may_be_told_in_counts_and_either_way_round(everyone: Units) -> None:
    head = TEMPLATE.members[0]
    ages, works = head.variables[1].marginal, WORKS.rows.T @ head.variables[1].marginal
    back = Dependence(given=Ref(1, 2), rows=(WORKS.rows * ages[:, None]).T)
    counts, back_in_counts = (replace(one, rows=one.rows * [[7.0], [0.1], [3.0]][: len(one.rows)]) for one in (WORKS, back))
    found = []
    for table, of in ((WORKS, 2), (counts, 2), (back, 1), (back_in_counts, 1)):
        variables = {1: Believed(marginal=ages), 2: Believed(marginal=works)}
        variables[of] = replace(variables[of], tables=(table,))
        template = replace(TEMPLATE, members=(replace(head, variables=variables), *TEMPLATE.members[1:]))
        found.append(np.exp(prepared(template).log_density(everyone)))
    np.testing.assert_allclose(found[1], found[0], atol=1e-12)
    np.testing.assert_allclose(found[3], found[2], atol=1e-12)
    own = [told(everyone, q, Ref(1, 1), 2, HEAD) for q in found]
    np.testing.assert_allclose(own[2], own[0], atol=0.03)  # trust acts on the other conditional
