"""The critique: probes put to the demo's models, five training seeds of AD and of ED.

The rules of all verdicts stand in the probes, and were committed before these models were asked.
"""

from __future__ import annotations

from dataclasses import replace

from adfast.runs.reproduction.studies.baselines import method_row
from adfast.runs.reproduction.study_table import Question, StudyTable

AD, ED = method_row("ad"), method_row("ed")
OF_AD = "five models of Algorithm Distillation, on goals that they never saw"
OF_ED = "five models of expert distillation, on goals that they never saw"


def critique() -> StudyTable:
    """The study; a question takes at most ten minutes of two cores, once its models are trained."""
    return StudyTable(
        "critique",
        "What AD learned in a dark room",
        "Algorithm Distillation (AD) trains a sequence model on the learning histories of a "
        "reinforcement learning algorithm, and then lets it act, weights frozen, in tasks that it "
        "never saw; it earns more from episode to episode. A well-read critique says that this "
        "may be no learning algorithm at all. Here each of its claims is a measurement, with a "
        "rule that was written down before anything was measured. The models are those of "
        "adfast's demo: Dark Room of 9 x 9 cells, episodes of 20 steps from the middle, a reward "
        "of one at each step on a goal that is not seen; 57 goals to train on, 16 held out; "
        "tabular Q-learning as the source, every eighth of its episodes kept.",
        panels=(),
        questions=QUESTIONS,
        gathers=("transfer", "size"),
    )


QUESTIONS = (
    Question(
        "whose-actions",
        "whose-actions",
        (AD,),
        OF_AD,
        "Each step that it takes is put to a list of candidates: the heuristic, the source "
        "algorithm, posterior sampling, the best known learner and others. How well does each "
        "foretell the step? A bit more per step is twice as probable.",
        "The rival is often the heuristic with corrections, which the critique grants. Before "
        "the first reward that one is the heuristic, so that half of the evidence compares it "
        "with itself and decides nothing.",
    ),
    Question(
        "counterfactual-contexts",
        "counterfactual-contexts",
        (AD,),
        OF_AD,
        "It is given a history to read, and then the same history in which one thing was changed: "
        "the reward moved to another cell, erased, or paid twice. Where does it go next?",
        "Whoever does not do what the heuristic does need not do more. A reward that lies "
        "further back draws it less than one that came last; a heuristic that forgets would "
        "show that, too.",
    ),
    Question(
        "corrections",
        "corrections",
        (AD,),
        OF_AD,
        "The same steps, put to the heuristic with and without the corrections that the critique "
        "grants it: acting the more incompetently the more incompetent the history looks, and "
        "keeping away from where the last episodes failed.",
        "Judged alone this evidence would be enough; among all evidence of this page, whose "
        "intervals must be wider, it is not.",
    ),
    Question(
        "habit-of-ed",
        "training-goal-habit",
        (ED,),
        OF_ED,
        "Where do its episodes end? If it goes to a goal that it was trained on and stays there, "
        "they end at training goals more often than cells of that kind are met by chance, and in "
        "the same one again and again.",
        "It does keep going to the same unpaid cell, in every seed. That this is a goal of its "
        "training holds in some seeds and not in others, since each goes to a few cells alone.",
    ),
    Question(
        "habit-of-ad",
        "training-goal-habit",
        (AD,),
        OF_AD,
        "The same question to AD, for comparison.",
        is_comparison=True,
    ),
    Question(
        "competence-mimicry",
        "competence-mimicry",
        (AD,),
        OF_AD,
        "It reads histories that show the goal equally often but are acted well or badly, and then "
        "acts itself. Does it act the worse, the worse what it has read?",
        "This is at the temperature of its run. Drawn less greedily it does worse after any "
        "history, as the table by temperature shows; the discussion's first guess, the "
        "temperature, has a part in it.",
    ),
    Question(
        "narrowness",
        "narrowness",
        (replace(AD, seeds=(1,)),),
        "nobody: of the room alone",
        "How much of what the best known learner earns does the heuristic earn that the critique "
        "describes, and how much once a reward was seen? Where that is nearly all, nothing but the "
        "search is left to learn.",
        "Once the goal was seen, the heuristic is the best that can be in a room whose goal "
        "never moves. How much less it is in other families is asked next.",
    ),
    Question(
        "narrowness-by-family",
        "narrowness",
        (),
        "nobody: of the families as they are by default",
        "The same of the families in which the heuristic can walk and a good learner is known. The "
        "verdict here is on the room alone again; the table has the others.",
        "Of bandits, Frozen Lake, Cliff Walking and random worlds no share is told: they have no "
        "room in which an agent sees where it is and goes back; of Keys and Boxes nobody is known "
        "who learns it well. [The families' own table](../families.md) has the bits of all. A "
        "share above one while searching says that the best known learner searches badly there.",
        is_comparison=True,
        options={"families": ["dark-house", "key-to-door"]},
        agents=("heuristic",),
        splits=(1,),
    ),
    Question(
        "memory",
        "memory",
        (AD,),
        OF_AD,
        "Before each episode it forgets all but the last few, in rooms where moves are certain, "
        "where they slip, and where the goal moves. What does it still earn?",
        "That chance makes it worse is shown, not judged: five seeds lose as much where moves "
        "are certain as where they slip. And a single episode is worth half of what the whole "
        "history is.",
    ),
    Question(
        "equal-data",
        "equal-data",
        (AD,),
        OF_AD,
        "It and its source learn the same new tasks from nothing, for as many steps each. What do "
        "they earn on the way? And after how many new tasks has its training paid?",
        "Steps on the new task alone decide. What its training tasks have cost is in the table: "
        "it takes thousands of new tasks to pay.",
    ),
    Question(
        "beliefs",
        "beliefs",
        (AD,),
        OF_AD,
        "What its numbers inside say of where the goal may be is read out by linear maps, layer by "
        "layer; then these numbers are pushed towards a cell, to see whether it goes there.",
    ),
    Question(
        "mechanism",
        "mechanism",
        (AD,),
        OF_AD,
        "The attention heads that read rewards are silenced, and other heads instead. Then what "
        "they read of a reward is replaced by what another task's reward would have given them.",
    ),
)
