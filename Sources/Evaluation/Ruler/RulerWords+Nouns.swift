extension RulerWords {
  static let nounText = """
    acorn actor airport alarm album alley almond anchor angle animal ankle answer antler apple
    apron arch arena arm armor army arrow artist atlas attic aunt author autumn avenue award axe
    axle baby badge bag baker balcony ball balloon bamboo banana band bank banner barber barge
    bark barn barrel basin basket bat bath battery bay beach bead beak beam bean bear beard beaver
    bed bee beetle bell belt bench berry bicycle bird biscuit blanket blossom board boat body bone
    bonnet book boot border bottle boulder bowl box boy bracelet brain branch bread breeze brick
    bridge brother brush bubble bucket buckle bud buffalo building bulb bull bundle bus bush
    butcher butter button cabbage cabin cable cactus cage cake calendar calf camel camera camp
    canal candle canoe canvas canyon cap cape captain car card carpet carrot cart castle cat
    cattle cave cedar ceiling cellar cello chain chair chalk chapel chapter cheek cheese cherry
    chess chest chicken child chimney chin church cinema circle circus citizen city clay cliff
    clock cloth cloud clover clown coach coal coast coat cobra coconut coffee coin collar comb
    comet compass concert cook cookie corn corner cottage cotton couch county cousin cow crab
    cradle crane crater crayon creek cricket crow crown crystal cube cup cupboard curtain cushion
    customer daisy dancer daughter deer dentist desert desk dessert diamond diary dinner dish
    doctor dog doll dolphin donkey door dragon drawer dress drum duck dune eagle ear earth easel
    echo eel egg elbow elephant elk ember emerald engine engineer envelope eye fabric face factory
    falcon family farm farmer father feather fence fern ferry field fig finger fire fireman fish
    flag flame flask flute fog foot forest fork fort fountain fox frame friend frog fruit funnel
    galaxy gallery garage garden garlic gate gazelle giraffe girl glacier glass glove goat goose
    gorilla grain grandson grape grass gravel grove guard guest guitar gull gym hail hair hallway
    hammer hamster hand handle harbor hare harp harvest hat hawk hazel head heart hedge heel
    helmet hen herb heron hill hinge hip hive hockey hole home honey hood hoof hook horizon horn
    horse hospital hotel hour house hunter hut ink insect iron island ivy jacket jaguar jail jam
    jar jaw jelly jewel judge jug jungle kettle key kidney king kitchen kite kitten knee knife
    knight ladder lady lake lamb lamp lantern lark laser lawn lawyer leaf leather lemon lens
    leopard letter lettuce library lid lily lime lion lip lizard llama lobby lobster lock locket
    log lotus lumber lung lynx machine magazine magnet maid mailbox mango mantle map maple marble
    market mask mat meadow meal medal melon menu mermaid meteor mile milk mill miner mirror mitten
    moat mole monkey month moon moose morning mosaic mosquito moss moth mother motor mountain
    mouse mouth mud muffin mug mule muscle museum mushroom nail napkin neck necklace needle
    neighbor nephew nest net newt night noodle nose notebook nurse oak oar oasis ocean octopus
    office onion opera orbit orchard orchid ostrich otter oven owl owner ox oyster paddle page
    pail painter palace palm panda pants paper parade parcel parent park parlor parrot pasta path
    peach peacock peanut pear pearl pebble pelican pen pencil penguin pepper perfume person piano
    pickle picnic picture pie pig pigeon pillow pilot pine pipe pirate pizza planet plank plate
    platform plaza plum pocket poem poet pond pony pool poppy porch port possum poster pot potato
    powder prairie priest prince prison prize pudding puddle pumpkin puppet puppy purse pyramid
    quail quarry queen quill quilt rabbit raccoon radio radish raft rail rain rainbow raisin ram
    ranch raven razor reef region reindeer ribbon rice ring river road robe robin robot rocket
    roof room root rope rose route ruby rug ruler sack saddle sailor salad salmon salt sand sandal
    sandwich satin sauce sausage scarf school scissors scooter screen sea seal season seat seed
    shadow shark shed sheep shelf shell shirt shoe shop shore shoulder shovel shower shrimp shrub
    sister skirt skull sky sled sleeve slipper snail snake soap sock sofa soldier son soup spade
    spark sparrow spear spider spinach spine spoon squirrel staircase star station statue steam
    stem stereo stick stomach stone stool stork storm story stove straw stream street string
    student sugar suit summer sun sunset swamp swan sweater sword symbol syrup table tail tailor
    tank tape target taxi tea teacher teapot team teeth temple tent thistle thread throat throne
    thumb thunder ticket tiger timber tire toad toast toe tomato tongue tooth torch tortoise towel
    tower town toy tractor trailer train tray treasure tree tribe truck trumpet trunk tulip tunnel
    turkey turnip turtle tuxedo twig umbrella uncle uniform valley van vase vault veil vein vest
    village vine vinegar violin vulture wagon waist waiter wall wallet walnut walrus wardrobe
    warrior wasp water wave wax weasel weather wedding week whale wheat wheel whistle wife willow
    wind window wine wing winter wizard wolf woman wood wool worker world worm wren wrist yacht
    yard yarn year yogurt zebra zipper zoo
    """
}
