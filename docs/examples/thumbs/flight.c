#include "flight.h"

#include <errno.h>

#include <crew/base.h>

#include "output.h"
#include "sheet.h"
#include "work.h"

void flight_begin(struct flight *flight, struct work *work, struct image *image,
                  bool repeated)
{
    flight->work = work;
    flight->image = image;
    flight->repeated = repeated;
    flight->failure.text[0] = '\0';
}

int flight_decode(struct flight *flight, crew_self *self)
{
    return decode_thumbnail(flight->image->path, flight->image->format,
                            flight->work->options->side, self,
                            &flight->thumbnail, &flight->failure);
}

int flight_encode(struct flight *flight)
{
    struct thumbnail *thumbnail = &flight->thumbnail;
    const struct image *image = flight->image;
    struct work *work = flight->work;
    int r;

    r = output_picture(work->output, image->name, &thumbnail->picture,
                       thumbnail->profile, thumbnail->profile_size,
                       &flight->failure);
    if (r == 0 && !flight->repeated)
        r = sheet_draw(&work->sheet, image->cell, &thumbnail->picture,
                       &flight->failure);
    thumbnail_destroy(thumbnail); /* here, so that the main loop need not */
    return r;
}

void flight_end(struct flight *flight, int status)
{
    const char *reason = flight->failure.text;

    thumbnail_destroy(&flight->thumbnail);
    if (status >= 0)
        work_image_done(flight->work, flight->image);
    else if (status != -ECANCELED)
        work_image_failed(flight->work, flight->image,
                          *reason ? reason : crew_strerror(status));
    flight->image = NULL;
}
