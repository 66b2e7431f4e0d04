/* main.c - makes the parts and joins them; the only file that sees both the shell and the doors. */
#include <stdio.h>

int main(void)
{
    (void)puts("interlock");
    return 0;
}
