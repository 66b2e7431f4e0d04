/* policy/catalogue_list.h - every check of `interlock check`: code, usual severity, title.
 * Owns: the codes. A code is never given another meaning; a check that goes keeps its number.
 * Read it with CATALOGUE(X) defined: X(code, severity, title). docs/checks/CODE.md is its page. */
#pragma once

#define CATALOGUE(X)                                                                               \
    /* reading files */                                                                            \
    X(IL001, ERROR, "this is not YAML")                                                            \
    X(IL002, ERROR, "bytes that a text file must not have")                                        \
    X(IL003, ERROR, "anchors, aliases, tags and second documents are not read")                    \
    X(IL004, ERROR, "the same name twice in one map")                                              \
    X(IL005, ERROR, "a limit was reached")                                                         \
    X(IL006, ERROR, "a text was cut and needs quotes")                                             \
    X(IL007, ERROR, "a bare word that YAML readers disagree about")                                \
    X(IL008, WARNING, "a comment that looks like text")                                            \
    /* shapes */                                                                                   \
    X(IL010, ERROR, "unknown field")                                                               \
    X(IL011, ERROR, "a required field is missing")                                                 \
    X(IL012, ERROR, "the wrong type of value")                                                     \
    X(IL013, ERROR, "a value that is not possible here")                                           \
    X(IL014, ERROR, "not a good name")                                                             \
    X(IL015, ERROR, "a reference to nothing")                                                      \
    X(IL016, ERROR, "a sentence that cannot be read")                                              \
    X(IL017, ERROR, "an expression that cannot be read")                                           \
    X(IL018, ERROR, "a template that cannot be read")                                              \
    X(IL019, ERROR, "the same name for two things")                                                \
    X(IL020, WARNING, "no policy at all")                                                          \
    /* repeating */                                                                                \
    X(IL101, ERROR, "fix idempotency before enabling retries")                                     \
    X(IL102, ERROR, "retries go on longer than the upstream remembers")                            \
    X(IL103, ERROR, "by-key without a key header")                                                 \
    X(IL104, ERROR, "by-check without a check")                                                    \
    X(IL105, WARNING, "by-nature on a method that usually repeats")                                \
    X(IL106, ERROR, "success without failure before an acting fallback")                           \
    X(IL107, WARNING, "no key: every caller must bring one")                                       \
    X(IL108, ERROR, "a key that is the same for every action")                                     \
    X(IL109, ERROR, "a key that reads more than the input")                                        \
    X(IL110, ERROR, "a request that reads what may change between tries")                          \
    X(IL111, WARNING, "a text that needs a field which may be absent")                             \
    X(IL112, ERROR, "a check that does not ask about this very request")                           \
    X(IL113, NOTE, "a key that reads a masked field")                                              \
    /* people */                                                                                   \
    X(IL201, ERROR, "nobody answers for this workflow")                                            \
    X(IL202, ERROR, "a restart that nobody else can approve")                                      \
    X(IL203, ERROR, "an empty group")                                                              \
    X(IL204, NOTE, "a group that nothing uses")                                                    \
    X(IL205, WARNING, "a group used only under switch")                                            \
    X(IL206, ERROR, "a step less strict than its workflow")                                        \
    X(IL207, NOTE, "no mode: review by default")                                                   \
    X(IL208, WARNING, "a person whom no message reaches")                                          \
    /* rules and fallbacks */                                                                      \
    X(IL301, ERROR, "a rule that never decides")                                                   \
    X(IL302, ERROR, "a fallback that is never reached")                                            \
    X(IL303, ERROR, "a start under a stop")                                                        \
    X(IL304, NOTE, "a template that nothing uses")                                                 \
    X(IL305, NOTE, "an upstream that nothing uses")                                                \
    X(IL306, ERROR, "a field that no input shape names")                                           \
    X(IL307, ERROR, "a payment without a sum trigger")                                             \
    X(IL308, ERROR, "a risk class that nothing declares")                                          \
    X(IL309, ERROR, "a fallback that leads back to itself")                                        \
    X(IL310, ERROR, "a comparison of two kinds")                                                   \
    X(IL311, ERROR, "a step in auto that nothing limits")                                          \
    /* the installation */                                                                         \
    X(IL401, ERROR, "a secret in clear text")                                                      \
    X(IL402, ERROR, "http to another machine")                                                     \
    X(IL403, ERROR, "listening to the network without TLS")                                        \
    X(IL404, WARNING, "nobody notices when interlock is down")                                     \
    X(IL405, WARNING, "no channel: people are told in the inbox only")                             \
    X(IL406, WARNING, "keys that are forgotten")                                                   \
    X(IL407, ERROR, "a store that this version does not have")                                     \
    /* reload */                                                                                   \
    X(IL801, ERROR, "something in use would vanish")                                               \
    X(IL802, ERROR, "a key changed without key_was")                                               \
    X(IL803, ERROR, "was: names nothing that has gone")                                            \
    X(IL804, ERROR, "a renamed step without was")                                                  \
    X(IL805, ERROR, "an id that was somebody else's")                                              \
    /* later versions */                                                                           \
    X(IL900, WARNING, "not enforced in this version")
