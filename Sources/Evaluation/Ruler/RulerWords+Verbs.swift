extension RulerWords {
  static let verbText = """
    absorb accept accuse achieve acquire adapt add adjust admire admit adopt advise agree aim
    allow amaze amuse announce appear apply argue arise arrange arrest arrive ask assemble assist
    assume attach attack attempt attend attract avoid awake bake balance beg begin behave believe
    belong bend betray bind bite blame bleed bless blink boil borrow bother bounce bow breathe
    breed bring build burn burst bury buy calculate call cancel carry carve catch celebrate change
    charge chase chat cheat check cheer chew choke choose chop claim clap climb cling close
    collect collide combine come command compare compete complain conceal confess confuse connect
    conquer consider consist construct contain continue convince copy correct cough count cover
    crash crawl create creep cross crush cry damage dance dare deceive decide declare decorate
    defeat defend delay delight deliver demand deny depart depend describe deserve destroy develop
    dig dine disagree disappear discover discuss divide dive donate draw dream drift drink drip
    drive drop earn eat educate elect embrace emerge employ encourage enjoy enter entertain erase
    escape examine excite exclude excuse exist expand expect explain explode explore express
    extend fade fail fall fasten feed feel fetch fight fill find finish flee flicker float flow
    fly fold follow forbid forget forgive freeze frighten gallop gather gaze give glance glide
    glow glue grab grasp greet grin grind grip groan grow guess guide hang happen harm hate haul
    heal hear help hesitate hide hire hit hold hop hope hover hug hum hunt hurry identify ignore
    imagine impress improve include increase inform inhale inject injure insist inspect inspire
    intend invent invite jog join joke juggle jump justify kick kiss kneel knit knock know label
    land last laugh launch lay lead leap learn leave lend lick lift listen live load look lose
    love make manage march mark marry match measure meet melt memorize mend mention migrate mix
    moan modify mourn move multiply munch nap nod notice obey object observe obtain occur offend
    offer operate order organize paint pass paste pause pay peel peep perform permit persuade
    pinch plan plant play plead plow pluck plunge point poke polish pour practice praise pray
    preach prefer prepare present preserve press pretend prevent print proceed produce promise
    protect prove provide publish pull punch punish push question quit race raise reach read
    realize receive recognize record reduce refuse reject rejoice relax release rely remain
    remember remind remove repair repeat replace reply report request rescue resist respond rest
    retire return reveal ride rinse rise roam roar roast rob roll rotate rub ruin run rush sail
    satisfy save say scatter scold scrape scratch scream scrub search see seek seize sell send
    separate serve settle sew shake share shave shine shiver shoot shout shove shrink shrug sigh
    sing sink sip sit skate ski skip slap sleep slice slide smash smell smile sneeze sniff soak
    solve speak spell spend spill spin split spoil spray spread sprint squash squeak squeeze stain
    stand stare start stay steal steer step stir stitch stop stretch strike stroll study submit
    subtract succeed suffer suggest supply support suppose surprise surround suspect swallow sway
    sweep swell swim swing switch take talk tap taste teach tear tease tell tempt thank think
    throw tickle tie touch tour tow trace trade transfer trap travel treat tremble trip trot trust
    try tug tumble turn twist type understand undress unite unlock unpack use vanish visit wait
    wake walk wander want warn wash watch weave weep weigh whine whirl whisper win wink wipe wish
    wonder work worry wrap wreck wrestle write yawn yell yield zoom
    """
}
