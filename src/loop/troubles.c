#include "loop/inside.h"
void engine_run_troubles(struct engine *engine)
{
    (void)engine;
}
void engine_trouble_ended(struct engine *engine, const struct row *row)
{
    (void)engine;
    (void)row;
}
