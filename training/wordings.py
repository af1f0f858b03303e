"""How people word their questions: the forms of each, and the careless ways in which they type them.

Knows words only. `{}` stands for what is asked about; `HELD_OUT` is for evaluation and never learnt from.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

DESCRIBE = (
    *("Describe the picture.", "Describe this image.", "What do you see?", "What is in this picture?"),
    *("What is in the image?", "Describe the image in one sentence.", "What does the picture show?", "Describe"),
    *("Please describe what you see.", "What can you see in this picture?", "What's in the picture?", "Describe it."),
    *("List the shapes.", "List all shapes.", "List every shape in the picture.", "Name the shapes.", "What is this?"),
    *("What shapes are there?", "What shapes are in the picture?", "Which shapes are there?", "What is shown here?"),
    *("Which shapes do you see?", "What shapes do you see?", "What shapes can you see?", "What objects are there?"),
    *("Which shapes are in this image?", "Caption this image.", "Describe the shapes.", "Tell me what you see."),
    *("Describe this picture in detail.", "What are the shapes in this picture?", "Can you describe the picture?"),
)
COUNT = (
    *("How many {} are there?", "How many {} are in the picture?", "How many {}", "Count the {}.", "Count {}"),
    *("How many {} do you see?", "What is the number of {}?", "How many {} can you see in this image?"),
    *("How many {} are there in the picture?", "How many {} are there in this image?", "Number of {}?"),
    *("Count all {}.", "Count all the {} in the image.", "How many {} does the picture have?", "Tell me how many {}."),
    *("How many {} are in the image?", "Can you count the {}?", "How many {} are shown?"),
)
COUNT_MORE = ("And how many {}?", "And {}?", "How about {}?", "And how many {} are there?", "What about the {}?")
COLORS_OF_ALL = (
    *("Which colors do you see?", "What colors are there?", "Which colors are the shapes?", "List the colors."),
    *("What colors are in the picture?", "Which colours are there?", "What colours do the shapes have?"),
    *("Name the colors in the picture.", "What are the colors of the shapes?"),
)
COLOR_OF = (
    *("What color is the {}?", "What colour is the {}?", "Which color does the {} have?", "Color of the {}?"),
    *("What is the color of the {}?", "Tell me the colour of the {}.", "Which color is the {}?", "{} color?"),
    *("What's the color of the {}?", "What color does the {} have?", "In which color is the {} drawn?"),
)
KIND_OF = (
    *("What shape is {}?", "What is the {} shape?", "Which shape is {}?", "What kind of shape is {}?"),
    *("What is {}?", "What {} shape is there?", "What is the {} thing?", "Which shape is colored {}?"),
)
WHERE = (
    *("Where is the {}?", "Where is the {} in the picture?", "In which part of the picture is the {}?"),
    *("Where can I see the {}?", "Where's the {}?", "Where is the {} located?", "Where do you see the {}?"),
    *("What is the position of the {}?", "Tell me where the {} is.", "Where in the image is the {}?", "Where is {}"),
)
YES_NO = (
    *("Is there {}?", "Is there {} in the picture?", "Do you see {}?", "Can you see {}?", "Does the picture have {}?"),
    *("Is there {} in this image?", "Does the image contain {}?", "Does the picture show {}?", "Is {} visible?"),
)
YES_NO_MANY = (
    *("Are there any {}?", "Are there any {} in the picture?", "Do you see any {}?", "Are there {}?"),
    *("Does the picture have any {}?", "Can you see any {}?", "Does the image contain {}?", "Any {}?"),
)
RELATION = ("Is the {} {} the {}?", "Is the {} placed {} the {}?", "Does the {} lie {} the {}?")
WHICH = ("Which is {}, the {} or the {}?", "What is {}, the {} or the {}?", "Which one is {}: the {} or the {}?")
RELATIVE = (
    *("Where is the {} relative to the {}?", "Where is the {} compared to the {}?"),
    *("How does the {} lie relative to the {}?", "Where is the {} with respect to the {}?"),
)
DETECT_ALL = (
    *("Locate every shape in the image and output the bounding boxes in JSON format.", "Locate everything."),
    *("Locate all shapes.", "Find all shapes and give their boxes.", "Detect all objects.", "Locate every shape."),
    *("Detect every shape.", "Detect all shapes.", "Detect everything.", "Find every shape.", "Find all shapes."),
    *("Locate all objects in the picture.", "Give me the bounding boxes of all shapes.", "Detect the shapes."),
    *("Locate the shapes.", "Find everything.", "Draw boxes around all shapes.", "Where are the shapes?"),
    *("Show me all shapes.", "Give the boxes of every shape.", "Locate each shape in the picture."),
    *("Output the bounding boxes of all objects in JSON format.", "Detect objects."),
)
FIND = (
    *("Locate the {}.", "Locate {}", "Find the {} and give its box.", "Give the bounding box of the {}."),
    *("Find the {}.", "Find the {} in the picture.", "Detect the {}.", "Locate the {} in the image.", "Find {}"),
    *("Show me the {}.", "Draw a box around the {}.", "Give me the box of the {}.", "Detect {}."),
    *("Locate the {} and output its bounding box.", "Where is the box of the {}?"),
)
FIND_MANY = (
    *("Locate all {}.", "Find all {}.", "Detect all {}.", "Locate every one of the {}.", "Locate the {}."),
    *("Where are the {}?", "Show me the {}.", "Draw boxes around the {}.", "Give the boxes of all {}.", "Find the {}"),
)
POINT = (
    *("Point to the {}.", "Point at the {}.", "Point to every {}.", "Show me a point on the {}.", "Point to {}"),
    *("Point to each {}.", "Point out the {}.", "Click on the {}.", "Mark every {} with a point."),
)
WHERE_IT = ("Where is it?", "And where is it?", "Where?", "Where is that?", "In which part of the picture is it?")
COLOR_IT = ("What color is it?", "And its color?", "Which color does it have?", "What colour is that?")
SIDES: Mapping[str, tuple[str, ...]] = {
    "to the left of": ("to the left of", "left of"),
    "to the right of": ("to the right of", "right of"),
    "above": ("above", "over", "higher than"),
    "below": ("below", "under", "lower than"),
}

ONE_OF_TWO = (
    ("picture {}", "image {}", "the {} picture", "the {} image", "the {} one"),
    ("in picture {}", "in image {}", "in the {} picture", "in the {} image", "in the {} one"),
)
"""How one of two pictures is named, and how something in it is; with a number, or first and second."""
COMPARE_ALL = ("Compare the two pictures.", "Compare the pictures.", "Compare both images.", "Compare these images.")
EACH = (
    *("How many {} are there in each picture?", "How many {} are in each picture?", "Count the {} in each image."),
    *("How many {} does each picture have?", "How many {} in each image?", "Count the {} in both pictures."),
)
TOGETHER = (
    *("How many {} are there in total?", "How many {} are there altogether?", "How many {} in both pictures together?"),
    *("How many {} do the two pictures have in total?", "What is the total number of {}?"),
)
SAME = (
    *("Are the pictures the same?", "Are both pictures the same?", "Are the two images identical?"),
    *("Do the pictures show the same?", "Are these the same pictures?", "Is the second picture the same?"),
)
DIFFERENT = (
    *("What is the difference between the pictures?", "What is different?", "What are the differences?"),
    *("How do the pictures differ?", "What is the difference between the two images?", "What has changed?"),
)

VIDEO: Mapping[str, tuple[str, ...]] = {
    "appears": (
        *(
            "When does the {} appear?",
            "When does the {} show up?",
            "When does the {} come in?",
            "When is the {} first seen?",
        ),
        *("At what time does the {} appear?", "When does the {} appear in the video?", "When can I first see the {}?"),
        *("Tell me when the {} appears.", "At which second does the {} appear?", "When did the {} appear?"),
    ),
    "vanishes": (
        *(
            "When does the {} vanish?",
            "When does the {} disappear?",
            "When does the {} go away?",
            "When is the {} gone?",
        ),
        *("At what time does the {} disappear?", "When does the {} leave?", "Tell me when the {} vanishes."),
        *("When does the {} disappear from the video?", "When is the {} last seen?", "Until when is the {} there?"),
    ),
    "visible": (
        *(
            "When is the {} visible?",
            "When can I see the {}?",
            "When is the {} there?",
            "From when to when is the {} shown?",
        ),
        *(
            "In which part of the video is the {} visible?",
            "When is the {} on the screen?",
            "When does the video show the {}?",
        ),
        *("How long is the {} visible?", "During which time is the {} seen?", "When do you see the {}?"),
    ),
    "moves": (
        *(
            "When does the {} move?",
            "When is the {} moving?",
            "When does the {} change its place?",
            "Does the {} move?",
        ),
        *("From when to when does the {} move?", "Tell me when the {} moves.", "When does the {} move in the video?"),
    ),
    "turns": (
        *(
            "When does the {} change its color?",
            "When does the {} turn another color?",
            "When does the {} change color?",
        ),
        *(
            "When does the {} change its colour?",
            "Which color does the {} turn, and when?",
            "Does the {} change its color?",
        ),
    ),
}
"""Questions about a video, by what is asked of a thing."""
VIDEO_QUERIES: Mapping[str, tuple[str, ...]] = {
    "appears": ("the {} appears", "{} appears", "The {} comes in", "the {} shows up"),
    "vanishes": ("the {} vanishes", "the {} disappears", "{} disappears", "The {} goes away"),
    "visible": ("the {} is visible", "the {}", "{}", "a {}", "The {} is shown", "the {} is on the screen"),
    "moves": ("the {} moves", "{} moves", "the {} is moving", "The {} changes its place"),
    "turns": (
        "the {} changes its color",
        "the {} turns another color",
        "{} changes color",
        "The {} changes its colour",
    ),
}
"""What happens, in the words that go into the program's own question for it."""
VIDEO_IT: Mapping[str, tuple[str, ...]] = {
    "appears": ("When does it appear?", "And when does it appear?", "When does it come in?"),
    "vanishes": ("When does it vanish?", "When does it disappear?", "And when does it disappear?", "When is it gone?"),
    "visible": ("When is it visible?", "From when to when is it visible?", "And when can I see it?"),
    "moves": ("When does it move?", "Does it move?", "And when does it move?"),
    "turns": ("When does it change its color?", "Does it change its color?", "And when does it change color?"),
}
VIDEO_EVENTS = (
    *(
        "List all events as JSON.",
        "What happens when? Answer in JSON.",
        "Give me the events of the video in JSON format.",
    ),
    *("List the events with start and end time in JSON format.", "Output the events of this video as JSON."),
)
VIDEO_DESCRIBE = (
    *(
        "Describe the video.",
        "What happens in the video?",
        "What happens?",
        "What is going on?",
        "Describe what happens.",
    ),
    *("What happens in this video?", "Tell me what happens.", "Describe this video.", "What can be seen in the video?"),
)
VIDEO_BETWEEN = (
    *("What happens between {} and {} s?", "What happens between {} and {} seconds?", "What changes from {} to {} s?"),
    *("What happens from second {} to second {}?", "What happens between second {} and {}?"),
    *("Describe what happens between {} and {} seconds.", "What happens from {} to {} seconds?"),
)
VIDEO_WHICH = (
    *(
        "Which shapes are in the video?",
        "What shapes are there?",
        "Which shapes do you see?",
        "How many shapes are there?",
    ),
    *("What shapes are in the video?", "List the shapes.", "What do you see?", "How many shapes does the video show?"),
)
VIDEO_HELD_OUT: Mapping[str, tuple[str, ...]] = {
    "appears": ("at what second can the {} first be seen?", "Say when the {} shows up."),
    "vanishes": ("When was the {} seen last?", "at which second does the {} vanish"),
    "visible": ("Give the time during which the {} is visible.", "when is the {} shown in the clip?"),
    "moves": ("At what time is the {} moving?", "say when the {} moves"),
    "turns": ("At what time does the {} change its color?", "say when the {} changes colour"),
}
"""Forms about a video that training never uses."""

READ: Mapping[str, tuple[str, ...]] = {
    "text": (
        *("Read the text.", "What does it say?", "What does the text say?", "Read all the text.", "What is written?"),
        *("What is written here?", "Transcribe the text.", "Transcribe this page.", "Read this.", "OCR", "ocr please"),
        *("Write down the text.", "Give me the text.", "Extract the text from this image.", "What does the page say?"),
    ),
    "markdown": (
        *("Convert this page to Markdown.", "Write this page as Markdown.", "Give me this as Markdown."),
        *("Markdown please.", "Turn the page into Markdown.", "Transcribe this page in Markdown."),
    ),
    "lines": (
        *("Where is which text? Answer in JSON.", "Read each line and give its bounding box in JSON format."),
        *(
            "Locate every line of text and output the bounding boxes in JSON format.",
            "List all lines with their boxes.",
        ),
    ),
    "tables": (
        *("Read the table.", "Give me the table.", "Write the table as HTML.", "Convert the table to HTML."),
        *("What is in the table?", "Extract the tables.", "Transcribe the table."),
    ),
    "fields": (
        *("What are the {}?", "Give me the {} as JSON.", "Read the {} and answer in JSON.", "Extract the {}."),
        *("Find the {} and output JSON.", "List the {} in JSON format."),
    ),
    "field": (
        *("What is the {}?", "What's the {}?", "Which {} is given?", "Tell me the {}.", "Read the {}.", "{}?"),
        *("What does it say for {}?", "What {} does the page show?", "Give me the {}."),
    ),
}
"""What to read of a page, in a person's words."""
GOALS: Mapping[str, tuple[str, ...]] = {
    "button": ("click the {} button", "press {}", "click {}", "click on {}", "push the {} button", "hit {}"),
    "field": ("click the {} field", "go to the field {}", "fill in the {}", "enter the {}", "change the {}"),
    "on": ("turn on {}", "switch {} on", "enable {}", "activate {}", "tick {}"),
    "off": ("turn off {}", "switch {} off", "disable {}", "deactivate {}", "untick {}"),
    "radio button": ("choose {}", "select {}", "pick {}", "select the option {}"),
    "icon": ("click the {} icon", "press the {} icon", "tap the {} symbol", "click {}"),
    "menu": ("open the {} menu", "open {}", "click the menu {}", "show the {} menu"),
    "menu item": ("choose {} from the menu", "select {}", "click {}", "click the menu item {}"),
    "tab": ("go to the {} tab", "open the {} tab", "switch to {}", "show {}"),
    "link": ("follow the link {}", "click the link {}", "open {}", "click {}"),
}
"""What to do on a screen, by what it is done to; "on" and "off" are for what can be both."""
IS_ON = ("Is {} on?", "Is {} switched on?", "Is {} enabled?", "Is {} active?", "Is {} selected?", "Is {} turned on?")
FIELD_SAYS = (
    *("What does the field {} say?", "What is in the {} field?", "What is entered for {}?", "What is the {}?"),
    *("Which value has the field {}?", "Read the {} field.", "What has been typed into {}?"),
)
CHART_VALUE = (
    *("What is the value of {}?", "What is the value for {}?", "How much is {}?", "Which value does {} have?"),
    *("How high is {}?", "What does the chart show for {}?", "Read the value of {}.", "What is {} in the chart?"),
    *("Tell me the value of {}.", "What number does {} have?", "{}?"),
)
CHART_MOST: Mapping[str, tuple[str, ...]] = {
    "highest": ("Which is the highest?", "What has the highest value?", "Where is the maximum?", "Which is largest?"),
    "lowest": ("Which is the lowest?", "What has the lowest value?", "Where is the minimum?", "Which is smallest?"),
}
CHART_TITLE = (
    *("What is the title of the chart?", "What is this chart about?", "What does the chart show?"),
    *("Read the title.", "What is the heading of this chart?"),
)
READ_HELD_OUT: Mapping[str, tuple[str, ...]] = {
    "field": ("Say what the {} is.", "which {} stands there"),
    "value": ("What would you read off for {}?", "Give the number shown for {}.", "how much for {}"),
}
"""Forms about what is written that training never uses."""

HELD_OUT: Mapping[str, tuple[str, ...]] = {
    "describe": ("What shapes does this picture show?", "please list all the shapes you see", "What do we have here?"),
    "count": ("how many {} can be seen?", "Give me the number of {}.", "What number of {} are in this picture?"),
    "color": ("what colour does the {} have", "Say which color the {} is.", "The {} is which color?"),
    "kind": ("What kind of shape is colored {}?", "which shape has the color {}", "Tell me what the {} shape is."),
    "where": ("Where would I find the {}?", "in what part of the image is the {}", "Say where the {} is."),
    "yes_no": ("Can {} be seen?", "does this image show {}?", "Is {} in here?"),
    "find": ("give me the bounding box for the {}", "Please locate the {} for me.", "Put a box around the {}."),
}
"""Forms that training never uses, by ability."""


def pick(rng: np.random.Generator, options: Sequence[str]) -> str:
    return options[int(rng.integers(len(options)))]


def typed(rng: np.random.Generator, question: str) -> str:
    """A question the way that somebody in a hurry, or somebody polite, types it."""
    form = rng.random()
    if form < 0.15:
        question = question.lower()
    elif form < 0.35:
        question = question[0].lower() + question[1:]
    if rng.random() < 0.2:
        question = question.rstrip("?.")
    elif rng.random() < 0.05:
        question = f"{question.rstrip('?.')} please{question[-1] if question[-1] in '?.' else ''}"
    return f"Please {question[0].lower()}{question[1:]}" if question[-1] == "." and rng.random() < 0.05 else question
