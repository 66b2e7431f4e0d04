#include "loop/inside.h"
enum err engine_find_changes(struct engine *engine, struct arena *arena, struct incident_view *view)
{
    (void)engine;
    (void)arena;
    (void)view;
    return ERR_OK;
}
